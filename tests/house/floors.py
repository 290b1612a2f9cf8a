"""The rules of the house: includes go downward, libraries live in one file each, nothing goes in circles.

usage: floors.py [TREE]   prints one line a breach and exits 1 when there is any.
"""
import os
import re
import sys

# What each floor may include besides itself. A program is a folder of its own; its side may be included whole, but
# not another program.
BELOW = {
    "shared/base": [],
    "shared/model": ["shared/base"],
    "shared/io": ["shared/base"],
    "gateway/core": ["shared/model", "shared/base"],
    "gateway/io": ["gateway/core", "shared/io", "shared/model", "shared/base"],
    "gateway/gatewayd": ["gateway/io", "gateway/core", "shared/io", "shared/model", "shared/base"],
    "gateway/gatewayctl": ["gateway/io", "gateway/core", "shared/io", "shared/model", "shared/base"],
    "collector/core": ["shared/model", "shared/base"],
    "collector/io": ["collector/core", "shared/io", "shared/model", "shared/base"],
    "collector/collectord": ["collector/io", "collector/core", "shared/io", "shared/model", "shared/base"],
    "collector/collectorctl": ["collector/io", "collector/core", "shared/io", "shared/model", "shared/base"],
    "boards/emulator": ["shared/io", "shared/model", "shared/base"],
    "boards/emulator/board-emulator": ["boards/emulator", "shared/io", "shared/model", "shared/base"],
}

# Third-party headers and where each may be included: a file, or the files whose names start so.
HOME = {
    r"cjson/|cJSON\.h": "shared/model/json.c",
    r"MQTTAsync\.h|MQTTClient\.h|MQTT.*\.h": "shared/io/mqtt.c",
    r"sqlite3\.h": "shared/io/db.c",
    r"mbedtls/|psa/": "shared/io/crypto",
    r"openssl/": "shared/io/crypto",
    r"modbus/|modbus.*\.h": "gateway/io/bus/bus_serial.c",
    r"zlib\.h|microhttpd\.h|libpq.*": "(nobody yet)",
}

# The step machines hold no clock and make no syscall, so these headers have no business there.
PURE = ["shared/model", "gateway/core", "collector/core"]
SYSTEM = r"(unistd|fcntl|pthread|time|signal|poll|termios|dirent|threads)\.h|sys/.*|netinet/.*|arpa/.*|netdb\.h"
CLOCK_CALL = r"\b(clock_gettime|gettimeofday|time|clk_system|usleep|nanosleep|sleep)\s*\("

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def floor_of(path):
    folder = os.path.dirname(path)
    while folder:
        if folder in BELOW:
            return folder
        folder = os.path.dirname(folder)
    return None


def resolve(tree, including, name):
    for candidate in (name, "shared/" + name, os.path.join(os.path.dirname(including), name)):
        if os.path.exists(os.path.join(tree, candidate)):
            return os.path.normpath(candidate)
    return None


def sources(tree):
    for top in ("shared", "gateway", "collector", "boards"):
        for folder, _, files in os.walk(os.path.join(tree, top)):
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), tree)


def breaches_of_includes(tree, path, text, graph):
    floor = floor_of(path)
    for bracket, name in INCLUDE.findall(text):
        for pattern, home in HOME.items():
            if re.fullmatch(f"({pattern}).*", name) and bracket == "<" and not path.startswith(home):
                yield f"{path}: includes <{name}>, which belongs to {home} alone"
        target = resolve(tree, path, name) if bracket == '"' else None
        if bracket == '"' and not target:
            yield f'{path}: includes "{name}", which is not in the tree'
        if target:
            graph.setdefault(path, set()).add(target)
            there = floor_of(target)
            if there != floor and there not in BELOW.get(floor, []):
                yield f"{path}: floor {floor} includes {target} of {there}, which is not below it"
        elif floor in PURE and re.fullmatch(SYSTEM, name):
            yield f"{path}: a pure floor includes <{name}>"


def breaches_of_purity(path, text):
    if floor_of(path) not in PURE:
        return
    code = re.sub(r"/\*.*?\*/|//[^\n]*|\"(\\.|[^\"\\])*\"", "", text, flags=re.S)
    for call in re.finditer(CLOCK_CALL, code):
        yield f"{path}: a pure floor calls {call.group(1)}(); it is handed `now`"


def circles(graph):
    done, trail, found = set(), [], []

    def visit(node):
        if node in trail:
            found.append(" -> ".join(trail[trail.index(node):] + [node]))
            return
        if node in done:
            return
        trail.append(node)
        for target in sorted(graph.get(node, ())):
            visit(target)
        trail.pop()
        done.add(node)

    for node in sorted(graph):
        visit(node)
    return [f"circle of includes: {c}" for c in found]


def check(tree):
    found, graph, count = [], {}, 0
    for path in sources(tree):
        with open(os.path.join(tree, path), encoding="utf-8") as f:
            text = f.read()
        count += 1
        if floor_of(path) is None:
            found.append(f"{path}: stands on no floor; see BELOW in tests/house/floors.py")
        found += breaches_of_includes(tree, path, text, graph)
        found += breaches_of_purity(path, text)
    return found + circles(graph), count


def main():
    tree = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "..")
    found, count = check(os.path.normpath(tree))
    for line in found:
        print(line)
    print(f"{count} files, {len(found)} breaches")
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main())
