import jinja2
from jinja2 import Environment, Template, select_autoescape

# ruleid: template-without-autoescape
Environment(loader=loader)
# ruleid: template-without-autoescape
jinja2.Environment(loader=loader, autoescape=False)
# ruleid: template-without-autoescape
jinja2.Environment(**options)
# ruleid: template-without-autoescape
Template("<p>{{ label }}</p>").render(label=label)
# ruleid: template-without-autoescape
jinja2.sandbox.SandboxedEnvironment()
# ok: template-without-autoescape
Environment(loader=loader, autoescape=True)
# ok: template-without-autoescape
jinja2.Environment(autoescape=select_autoescape(["html"]))
# ok: template-without-autoescape
jinja2.sandbox.SandboxedEnvironment(autoescape=True)
# ok: template-without-autoescape
jinja2.Template("<p>{{ label }}</p>", autoescape=True)
