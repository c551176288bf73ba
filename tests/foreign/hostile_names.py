"""Names by which published attacks on unpicklers run code, read and write files, or use the network.

Those of the test sets of picklescan, fickling, modelscan and modelaudit, and more of the same kinds.
"""

from __future__ import annotations

_NAMES = """
os system|os popen|os execv|os remove|os.path join|posix system|nt system|posix spawn|os spawnlp
subprocess Popen|subprocess run|subprocess call|subprocess check_output|commands getoutput|pty spawn
builtins eval|builtins exec|builtins compile|builtins __import__|builtins getattr|builtins open
builtins setattr|builtins delattr|builtins globals|builtins apply|builtins breakpoint|builtins input
builtins eval.__call__|builtins print|builtins map|builtins object|builtins bytearray|builtins type
__builtin__ eval|__builtin__ exec|__builtin__ getattr|__builtin__ apply|__builtin__ globals
__builtin__ dict|__builtin__ compile|__builtin__ file
socket socket|socket create_connection|ssl get_server_certificate|http.client HTTPSConnection
httplib HTTPSConnection|requests.api get|aiohttp.client ClientSession|urllib.request urlopen
urllib.request urlretrieve|smtplib SMTP|ftplib FTP|imaplib IMAP4_stream|logging.config listen
runpy run_path|runpy run_module|runpy _run_code|code InteractiveInterpreter|code InteractiveConsole
code InteractiveInterpreter.runcode|codeop compile_command|cProfile run|cProfile runctx|profile run
profile Profile.run|profile Profile.runctx|pdb run|bdb Bdb|bdb Bdb.run|timeit timeit|trace Trace.run
trace Trace.runctx|doctest debug_script|pydoc locate|pydoc pipepager|importlib import_module
importlib.util find_spec|pkgutil resolve_name|zipimport zipimporter|imp load_source|site addsitedir
marshal loads|types FunctionType|types CodeType|types ModuleType|ctypes CDLL|ctypes cast
ctypes.util find_library|_ctypes dlopen|cffi FFI|multiprocessing.util spawnv_passfds
_thread allocate_lock
_posixsubprocess fork_exec|asyncio create_subprocess_shell|sys exit|sys modules|sys settrace
asyncio.unix_events _UnixSubprocessTransport._start|threading Thread|signal signal
functools partial|functools reduce|operator attrgetter|operator methodcaller|operator itemgetter
_operator attrgetter|itertools starmap|copyreg _reconstructor|copy_reg _reconstructor
weakref finalize
pickle loads|pickle load|_pickle loads|_pickle Unpickler|cPickle loads|dill loads
dill._dill _create_type
cloudpickle.cloudpickle _make_function|cloudpickle.cloudpickle _builtin_type
cloudpickle.cloudpickle subimport
joblib load|joblib.numpy_pickle NumpyArrayWrapper|pandas read_pickle|shelve open|yaml unsafe_load
pip main|pip._internal main|ensurepip _run_pip|venv create|setuptools setup
distutils.file_util write_file
idlelib.pyshell ModifiedInterpreter.runcode|idlelib.pyshell ModifiedInterpreter.runcommand
idlelib.autocomplete AutoComplete.get_entity|idlelib.autocomplete AutoComplete.fetch_completions
idlelib.calltip Calltip.fetch_tip|idlelib.calltip get_entity|idlelib.debugobj ObjectTreeItem.SetText
idlelib.run Executive.runcode|lib2to3.pgen2.grammar Grammar.loads
lib2to3.pgen2.pgen ParserGenerator.make_label
test.support.script_helper assert_python_ok|_pyrepl.pager pipe_pager|_osx_support _read_output
_aix_support _read_cmd_output|uuid _get_command_stdout|webbrowser open|mailcap findmatch
antigravity geohash
linecache getline|_io FileIO|io open|io FileIO|_io open|codecs open|fileinput input
pathlib Path.write_text
pathlib Path.touch|shutil rmtree|shutil copyfile|tempfile mkdtemp|logging FileHandler|tarfile open
zipfile ZipFile|glob glob|base64 b64decode|binascii unhexlify|zlib decompress
numpy load|numpy.lib.npyio load|numpy.f2py.crackfortran getlincoef
numpy.f2py.crackfortran _eval_length
numpy.testing._private.utils runstring|numpy.ctypeslib load_library|numpy fromfile|numpy save
torch load|torch.serialization load|torch.jit load|torch.hub load|torch.storage _load_from_bytes
torch.package PackageImporter|torch.utils.cpp_extension load_inline|torch.utils.model_zoo load_url
torch._inductor.codecache compile_file|torch._dynamo.guards GuardBuilder.get
torch.fx.experimental.symbolic_shapes ShapeEnv.evaluate_guards_expression
torch.jit.unsupported_tensor_ops execWrapper|torch.utils._config_module ConfigModule.load_config
torch.utils.bottleneck.__main__ run_cprofile|torch.utils.bottleneck.__main__ run_autograd_prof
torch.utils.collect_env run|torch.utils.collect_env run_and_read_all
torch.utils.data.datapipes.utils.decoder basichandlers|torch.fx.graph_module reduce_graph_module
torch.nn.modules.linear Linear|torch.ops load_library|torch from_file|torch Tensor.__class__
sklearn.linear_model LogisticRegression|tensorflow.keras.models load_model|keras.layers Lambda
__main__ Net|my_module Net|collections namedtuple|collections OrderedDict.fromkeys
collections.abc Mapping
collections\u200b OrderedDict|collections OrderedDict\u0000|torch FloatStorage.from_file|torch  Size
Torch Size|COLLECTIONS OrderedDict|collections.OrderedDict |.collections OrderedDict
torch._utils.os system
"""
NAMES = [
    tuple(entry.split(" ", 1)) for line in _NAMES.strip().splitlines() for entry in line.split("|")
]
