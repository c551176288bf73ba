import os
import random
import secrets

# ruleid: secret-in-source
HUB = "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH"
# ruleid: secret-in-source
connect("sk-abcdefghijklmnopqrstuvwxyz0123456789")
# ruleid: secret-in-source
KEY = """-----BEGIN RSA PRIVATE KEY-----
MIIEpAIBAAKCAQEA
-----END RSA PRIVATE KEY-----"""
# ok: secret-in-source
HEADER = "-----BEGIN PRIVATE KEY-----"
# ok: secret-in-source
PREFIX = "hf_"

# ruleid: password-in-source
password = "hunter2hunter2"
# ruleid: password-in-source
AWS_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
# ruleid: password-in-source
os.environ["WANDB_API_KEY"] = "0123456789abcdef0123456789abcdef01234567"
# ok: password-in-source
os.environ["WANDB_MODE"] = "0123456789abcdef0123456789abcdef01234567"
# ok: password-in-source
password = os.environ["PASSWORD"]
# ok: password-in-source
password = "a password of at least 12 characters"
# ok: password-in-source
api_key = ""

# ruleid: secret-from-weak-randomness
token = random.randint(0, 10**9)
# ok: secret-from-weak-randomness
token = secrets.token_hex()
# ok: secret-from-weak-randomness
sample = random.random()
