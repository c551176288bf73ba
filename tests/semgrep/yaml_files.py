import functools

import yaml
from yaml import SafeLoader, load

# ruleid: yaml-load-runs-code
yaml.load(text)
# ruleid: yaml-load-runs-code
yaml.load(text, Loader=yaml.Loader)
# ruleid: yaml-load-runs-code
load(text, yaml.UnsafeLoader)
# ruleid: yaml-load-runs-code
yaml.unsafe_load(text)
# ruleid: yaml-load-runs-code
yaml.full_load_all(text)
# ruleid: yaml-load-runs-code
yaml.UnsafeLoader(text).get_data()
# ruleid: yaml-load-runs-code
functools.partial(yaml.load, Loader=yaml.UnsafeLoader)
# ruleid: yaml-load-runs-code
class Reader(yaml.FullLoader):
    pass
# ok: yaml-load-runs-code
class SafeReader(yaml.SafeLoader):
    pass
# ok: yaml-load-runs-code
yaml.safe_load(text)
# ok: yaml-load-runs-code
yaml.load(text, Loader=yaml.SafeLoader)
# ok: yaml-load-runs-code
load(text, SafeLoader)
# ok: yaml-load-runs-code
yaml.load(text, Loader=yaml.CSafeLoader)

from ruamel.yaml import YAML

# ruleid: ruamel-load-runs-code
YAML(typ="unsafe")
# ok: ruamel-load-runs-code
YAML(typ="safe")
# ok: ruamel-load-runs-code
YAML()
