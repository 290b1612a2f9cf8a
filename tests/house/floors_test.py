"""Promise: a breach of the house's rules is found, each kind of it. A check that cannot fail proves nothing."""
import os
import tempfile
import unittest

import floors


class Breaches(unittest.TestCase):
    def breaches(self, **files):
        with tempfile.TemporaryDirectory() as tree:
            for path, text in files["files"].items():
                os.makedirs(os.path.join(tree, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(tree, path), "w", encoding="utf-8") as f:
                    f.write(text)
            return floors.check(tree)[0]

    def test_a_clean_tree_is_clean(self):
        self.assertEqual(self.breaches(files={
            "shared/base/err.h": "", "shared/model/json.h": '#include "base/err.h"\n',
            "shared/model/json.c": '#include <cjson/cJSON.h>\n#include "model/json.h"\n'}), [])

    def test_an_include_that_climbs(self):
        found = self.breaches(files={"shared/model/json.h": "", "shared/base/err.c": '#include "model/json.h"\n'})
        self.assertEqual(len(found), 1)
        self.assertIn("shared/base includes shared/model/json.h", found[0].replace("floor ", ""))

    def test_model_and_io_stay_apart(self):
        self.assertTrue(self.breaches(files={"shared/io/loop.h": "", "shared/model/pack.c": '#include "io/loop.h"\n'}))
        self.assertTrue(self.breaches(files={"shared/model/pack.h": "", "shared/io/loop.c": '#include "model/pack.h"\n'}))

    def test_gateway_and_collector_stay_apart(self):
        self.assertTrue(self.breaches(files={
            "gateway/core/uplink/uplink.h": "", "collector/core/ingest/ingest.c": '#include "gateway/core/uplink/uplink.h"\n'}))

    def test_a_library_that_leaves_its_file(self):
        for header in ("cjson/cJSON.h", "MQTTAsync.h", "sqlite3.h", "mbedtls/pk.h", "modbus/modbus.h"):
            found = self.breaches(files={"collector/io/store/store.c": f"#include <{header}>\n"})
            self.assertEqual(len(found), 1, header)

    def test_a_circle(self):
        found = self.breaches(files={"shared/base/a.h": '#include "base/b.h"\n', "shared/base/b.h": '#include "base/a.h"\n'})
        self.assertEqual(found, ["circle of includes: shared/base/a.h -> shared/base/b.h -> shared/base/a.h"])

    def test_a_step_machine_that_reads_a_clock(self):
        self.assertTrue(self.breaches(files={"gateway/core/bus/poll.c": "int f(void) { return (int)time(0); }\n"}))
        self.assertTrue(self.breaches(files={"collector/core/alarm/alarm.c": "#include <unistd.h>\n"}))


if __name__ == "__main__":
    unittest.main()
