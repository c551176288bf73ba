import asyncio

import uvicorn
from flask import Flask
from starlette.applications import Starlette
from werkzeug.serving import run_simple

app = Flask(__name__)
# ruleid: debug-server
app.run(debug=True)
# ruleid: debug-server
app.run("127.0.0.1", 5000, debug=True)
# ruleid: debug-server
app.debug = True
# ruleid: debug-server
app.config["DEBUG"] = True
# ruleid: debug-server
Starlette(debug=True, routes=[])
# ruleid: debug-server
uvicorn.run("page:app", reload=True)
# ruleid: debug-server
run_simple("localhost", 80, app, use_debugger=True)

site = Flask("site")
# ruleid: debug-server
site.run(port=80, debug=True)


def start(my_app, self, trainer):
    # ruleid: debug-server
    my_app.run(debug=True)
    # ok: debug-server
    trainer.run(debug=True)
    # ok: debug-server
    self.debug = True


# ok: debug-server
app.run()
# ok: debug-server
app.run(debug=False)
# ok: debug-server
asyncio.run(main(), debug=True)
# ok: debug-server
Starlette(routes=[])
# ok: debug-server
uvicorn.run(app, log_level="debug")
