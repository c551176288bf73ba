import ssl

import httpx
import requests
from fastapi.middleware.cors import CORSMiddleware

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
# ok: credentials-for-every-origin
app.add_middleware(CORSMiddleware, allow_origins=["*"])
# ok: credentials-for-every-origin
app.add_middleware(CORSMiddleware, allow_origins=origins, allow_credentials=True)
