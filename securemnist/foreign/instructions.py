"""What each instruction of a pickle does to the stack of triage, and which ones it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from securemnist.foreign import calls
from securemnist.foreign.allowlist import COUNTER, ORDERED
from securemnist.foreign.calls import Step
from securemnist.foreign.machine import OTHER, Broken, Container, Machine, Made, Name, Value

Handler = Callable[[Machine, Step], object]
_MAX_PROTOCOL = 5


def _constant(machine: Machine, step: Step) -> None:
    machine.push(step.argument)


def _pushes(value: Value) -> Handler:
    return lambda machine, _step: machine.push(value)


def _collects(value: Value) -> Handler:
    """An instruction that replaces the values above the mark by one."""

    def handler(machine: Machine, _step: Step) -> None:
        machine.pop_mark()
        machine.push(value)

    return handler


def _tuple(machine: Machine, _step: Step) -> None:
    machine.push(tuple(machine.pop_mark()))


def _tuple_of(count: int) -> Handler:
    def handler(machine: Machine, _step: Step) -> None:
        values = [machine.pop() for _ in range(count)]
        machine.push(tuple(reversed(values)))

    return handler


def _adds(kinds: tuple[Container, ...], take: Callable[[Machine], Any]) -> Handler:
    """An instruction that puts values into the container below them."""

    def handler(machine: Machine, step: Step) -> None:
        take(machine)
        target = machine.top()
        mapping = isinstance(target, Made) and target.by.pair in (ORDERED, COUNTER)
        if target not in kinds and not (mapping and Container.DICT in kinds):
            calls.refuse(machine, step, f"changes {calls.words(target)}, which is no container")

    return handler


def _pair(machine: Machine) -> None:
    machine.pop()
    machine.pop()


def _proto(_machine: Machine, step: Step) -> None:
    if step.argument > _MAX_PROTOCOL:
        raise Broken(f"protocol {step.argument}")


def _global(machine: Machine, step: Step) -> None:
    module, _, name = str(step.argument).partition(" ")
    calls.name(machine, step, Name(module, name))


def _stack_global(machine: Machine, step: Step) -> None:
    name, module = machine.pop(), machine.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        calls.refuse(machine, step, "imports a name that is computed, which no checkpoint does")
        machine.push(OTHER)
        return
    calls.name(machine, step, Name(module, name))


def _reduce(machine: Machine, step: Step) -> None:
    arguments, function = machine.pop(), machine.pop()
    calls.call(machine, step, function, arguments)


def _newobj_ex(machine: Machine, step: Step) -> None:
    machine.pop()
    _reduce(machine, step)


def _obj(machine: Machine, step: Step) -> None:
    values = machine.pop_mark()
    if not values:
        raise Broken("no class")
    calls.call(machine, step, values[0], tuple(values[1:]))


def _inst(machine: Machine, step: Step) -> None:
    arguments = tuple(machine.pop_mark())
    _global(machine, step)
    calls.call(machine, step, machine.pop(), arguments)


def _extension(machine: Machine, step: Step) -> None:
    calls.refuse(machine, step, f"imports number {step.argument} of the registry of extensions")
    machine.push(OTHER)


def _buffer(machine: Machine, step: Step) -> None:
    calls.unread(machine, step, "uses a buffer outside the file")
    machine.push(OTHER)


def _each(names: str, handler: Handler) -> dict[str, Handler]:
    return dict.fromkeys(names.split(), handler)


HANDLERS: Mapping[str, Handler] = {
    **_each("INT BININT BININT1 BININT2 LONG LONG1 LONG4", _constant),
    **_each("STRING BINSTRING SHORT_BINSTRING UNICODE SHORT_BINUNICODE BINUNICODE", _constant),
    **_each("BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8", _constant),
    **_each("FLOAT BINFLOAT NONE", _pushes(OTHER)),
    **_each("NEWTRUE", _pushes(True)),
    **_each("NEWFALSE", _pushes(False)),
    **_each("EMPTY_LIST", _pushes(Container.LIST)),
    **_each("EMPTY_DICT", _pushes(Container.DICT)),
    **_each("EMPTY_SET", _pushes(Container.SET)),
    **_each("EMPTY_TUPLE", _pushes(())),
    **_each("LIST", _collects(Container.LIST)),
    **_each("DICT", _collects(Container.DICT)),
    **_each("FROZENSET", _collects(OTHER)),
    **_each("TUPLE", _tuple),
    **_each("TUPLE1", _tuple_of(1)),
    **_each("TUPLE2", _tuple_of(2)),
    **_each("TUPLE3", _tuple_of(3)),
    **_each("APPEND", _adds((Container.LIST,), Machine.pop)),
    **_each("APPENDS", _adds((Container.LIST,), Machine.pop_mark)),
    **_each("ADDITEMS", _adds((Container.SET,), Machine.pop_mark)),
    **_each("SETITEM", _adds((Container.DICT,), _pair)),
    **_each("SETITEMS", _adds((Container.DICT,), Machine.pop_mark)),
    **_each("MARK", lambda machine, _step: machine.mark()),
    **_each("POP", lambda machine, _step: machine.discard()),
    **_each("POP_MARK", lambda machine, _step: machine.pop_mark()),
    **_each("DUP", lambda machine, _step: machine.push(machine.top())),
    **_each("PUT BINPUT LONG_BINPUT", lambda machine, step: machine.remember(int(step.argument))),
    **_each("MEMOIZE", lambda machine, _step: machine.remember(len(machine.memo))),
    **_each("GET BINGET LONG_BINGET", lambda machine, step: machine.recall(int(step.argument))),
    **_each("GLOBAL", _global),
    **_each("STACK_GLOBAL", _stack_global),
    **_each("REDUCE NEWOBJ", _reduce),
    **_each("NEWOBJ_EX", _newobj_ex),
    **_each("OBJ", _obj),
    **_each("INST", _inst),
    **_each("BUILD", calls.build),
    **_each("PERSID", lambda machine, step: calls.storage(machine, step, step.argument)),
    **_each("BINPERSID", lambda machine, step: calls.storage(machine, step, machine.pop())),
    **_each("EXT1 EXT2 EXT4", _extension),
    **_each("NEXT_BUFFER READONLY_BUFFER", _buffer),
    **_each("PROTO", _proto),
    **_each("FRAME STOP", lambda _machine, _step: None),
}
