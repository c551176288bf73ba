import asyncio
import os
import subprocess
from subprocess import run as call

# ruleid: shell-command
subprocess.run(f"convert {name} image.png", shell=True, check=True)
# ruleid: shell-command
call("ls", shell=True)
# ruleid: shell-command
subprocess.Popen("ls", stdout=subprocess.PIPE, shell=True)
# ruleid: shell-command
os.system("ls " + name)
# ruleid: shell-command
os.popen("ls")
# ruleid: shell-command
subprocess.getoutput("ls")
# ruleid: shell-command
asyncio.create_subprocess_shell("ls")
# ok: shell-command
subprocess.run(["convert", name, "image.png"], check=True)
# ok: shell-command
subprocess.run(["ls"], shell=False)
# ok: shell-command
asyncio.create_subprocess_exec("ls")
# ruleid: shell-command
subprocess.run(command, **{"shell": True})
# ruleid: shell-command
subprocess.run(["bash", "-c", command])
# ruleid: shell-command
os.execvp("sh", ["sh", "-c", command])
# ok: shell-command
subprocess.run(["bash", "-c", "ls | wc"])
# ok: shell-command
subprocess.run([program, "-c", command])
# ruleid: shell-command
get_ipython().system("ls {name}")
# ok: shell-command
get_ipython().system("pip install torch")
