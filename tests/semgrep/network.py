import ssl

import httpx
import requests
import urllib3
from fastapi.middleware.cors import CORSMiddleware
from flask_cors import CORS
from starlette.middleware import Middleware

# ruleid: certificate-not-checked
ssl._create_default_https_context = ssl._create_unverified_context
# ruleid: certificate-not-checked
context.check_hostname = False
# ruleid: certificate-not-checked
context.verify_mode = ssl.CERT_NONE
# ruleid: certificate-not-checked
requests.get("https://example.org", verify=False)
# ruleid: certificate-not-checked
httpx.post("https://example.org", verify=False)
# ruleid: certificate-not-checked
session.verify = False
# ruleid: certificate-not-checked
requests.Session().get("https://example.org", verify=False)
# ruleid: certificate-not-checked
client.ws_connect("wss://example.org", ssl=False)
# ruleid: certificate-not-checked
urllib3.PoolManager(cert_reqs="CERT_NONE")
# ruleid: certificate-not-checked
urllib3.PoolManager(cert_reqs=ssl.CERT_NONE)
# ok: certificate-not-checked
weights.check(verify=False)
# ok: certificate-not-checked
urllib3.PoolManager(cert_reqs="CERT_REQUIRED")
# ok: certificate-not-checked
requests.get("https://example.org", timeout=3)
# ok: certificate-not-checked
context.verify_mode = ssl.CERT_REQUIRED
# ok: certificate-not-checked
report.verify = False

# ruleid: demo-shared-with-everybody
demo.launch(share=True)
# ok: demo-shared-with-everybody
demo.launch()
# ok: demo-shared-with-everybody
demo.launch(share=True, auth=check)

# ruleid: credentials-for-every-origin
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)
# ruleid: credentials-for-every-origin
Middleware(CORSMiddleware, allow_credentials=True, allow_origins=("*",))
# ruleid: credentials-for-every-origin
app.add_middleware(CORSMiddleware, allow_origin_regex=".*", allow_credentials=True)
# ruleid: credentials-for-every-origin
CORS(app, supports_credentials=True)
# ruleid: credentials-for-every-origin
CORS(app, origins="*", supports_credentials=True)
# ok: credentials-for-every-origin
CORS(app, origins=["https://example.org"], supports_credentials=True)
# ok: credentials-for-every-origin
app.add_middleware(CORSMiddleware, allow_origin_regex="https://.*[.]example[.]org", allow_credentials=True)
# ok: credentials-for-every-origin
app.add_middleware(CORSMiddleware, allow_origins=["*"])
# ok: credentials-for-every-origin
app.add_middleware(CORSMiddleware, allow_origins=origins, allow_credentials=True)
