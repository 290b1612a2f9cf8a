"""A Modbus slave nobody here wrote: python3-pymodbus, 3.0 (Debian 12) or newer (Debian 13).

usage: peer_server.py KIND WHERE DATA    KIND rtu, tcp or rtu-over-tcp; WHERE a terminal or a port; DATA a JSON file
with "coil", "discrete", "holding" and "input": the values of each table from address 0 on. Answers as every unit.
"""
import json
import sys

try:
    from pymodbus.datastore import ModbusDeviceContext as Context
except ImportError:
    from pymodbus.datastore import ModbusSlaveContext as Context
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import StartSerialServer, StartTcpServer

try:
    from pymodbus.framer import FramerType
    RTU, SOCKET = FramerType.RTU, FramerType.SOCKET
except ImportError:
    from pymodbus.transaction import ModbusRtuFramer as RTU, ModbusSocketFramer as SOCKET


def block(values):
    """A context counts its blocks from 1."""
    return ModbusSequentialDataBlock(0, [0] + values)


def main():
    kind, where, path = sys.argv[1:]
    with open(path, encoding="utf-8") as f:
        data = json.load(f)
    device = Context(di=block(data["discrete"]), co=block(data["coil"]), hr=block(data["holding"]), ir=block(data["input"]))
    context = ModbusServerContext(device, single=True)
    if kind == "rtu":
        StartSerialServer(context=context, framer=RTU, port=where, baudrate=115200, timeout=0.05)
    else:
        StartTcpServer(context=context, framer=SOCKET if kind == "tcp" else RTU, address=("127.0.0.1", int(where)))


main()
