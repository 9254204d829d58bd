#!/usr/bin/env python3
"""The plots come out of what the bench writes, and are well-formed."""

import pathlib
import unittest
import xml.etree.ElementTree as ET

import flame
import plot
import svg

ENVIRONMENT = {"date": "2026-01-02T03:04:05Z", "commit": "abc", "cpu_count": 2, "cpu_model": "A & B", "disk": "ext4"}

PERF = """weir-server 12 100.5:   300 cpu-clock:
\tffff engine::Stream::Add(int)+0x12 (/usr/bin/weir-server)
\tfff0 std::vector<int, std::allocator<int> >::push_back(int const&)+0x1 (/usr/bin/weir-server)
\tfffe [unknown] ([unknown])

rocksdb:low 13/14 [001] 101.5:   100 cycles:u:
\tffff write (/lib/libc.so.6)

weir-server 12 102.5:   200 cpu-clock:
\tffff engine::(anonymous namespace)::Find() const (inlined)
\tfffe [unknown] ([unknown])
"""


def texts(document):
    return [element.text for element in ET.fromstring(document).iter() if element.tag.endswith("text")]


class Plots(unittest.TestCase):
    def test_compare_shows_each_ratio(self):
        content = {"environment": ENVIRONMENT, "results": [
            {"workload": "xadd-p1", "appendfsync": "everysec", "ratio": 1.25},
            {"workload": "xadd-p1", "appendfsync": "always", "peer_mode": "none", "ratio": 0.5},
            {"workload": "end-to-end", "appendfsync": "always", "peer_mode": "always", "ratio": 20, "ratio_of": "p99"},
            {"workload": "drain-1", "appendfsync": "always", "problem": "it broke"}]}
        self.assertEqual(plot.kind_of(content), "compare")
        shown = texts(plot.plot_compare([content]))
        for text in ("1.25", "0.50", "20.00", "end-to-end (p99)", "always, peer none"):
            self.assertIn(text, shown)

    def test_old_results_can_be_plotted(self):
        for path in pathlib.Path(__file__).parent.glob("results-*.json"):
            ET.fromstring(plot.plot_compare([plot.json.loads(path.read_text(encoding="utf-8"))]))

    def test_growth_has_a_curve_for_each_server_and_leaves_out_what_failed(self):
        def point(entries, **more):
            rate = {"operations_per_s": entries / 3}
            return {"entries": entries, "loaded_mib": 0.5, "loaded_disk_mib": 7, "restart_kill_s": 0,
                    "add": rate, "trim": rate, "drain": rate} | more
        content = {"kind": "growth", "environment": ENVIRONMENT, "servers": [
            {"name": "weir", "points": [point(1000), point(50_000_000)]},
            {"name": "peer", "points": [point(1000), point(2000, problem="it broke")]}]}
        shown = texts(plot.plot_growth([content]))
        self.assertIn("weir", shown)
        self.assertIn("peer", shown)

    def test_soak_shows_the_seconds_of_the_run(self):
        second = {"at_s": 1, "added": 5, "acknowledged": 4, "p999_ms": 3, "resident_mib": 2, "disk_mib": 1}
        series = [second | {"phase": "load"}] + [second | {"phase": "run", "at_s": i} for i in range(30)]
        content = {"kind": "soak", "environment": ENVIRONMENT, "entries": 50_000_000, "requests_per_s": 20000.0,
                   "series": series}
        self.assertIn("50M entries, 20k XADD/s in an open loop, trimmed and read by groups",
                      texts(plot.plot_soak([content])))

    def test_scales_have_ticks_within_them(self):
        for values in ([1], [0], [0.003, 5], [1, 5e7], [80, 100], []):
            for log in (False, True):
                scale = svg.Scale(values, 0.0, 100.0, log)
                self.assertTrue(scale.ticks(), (values, log))
                for tick in scale.ticks():
                    self.assertTrue(-0.01 <= scale(tick) <= 100.01, (values, log, tick))


class Flame(unittest.TestCase):
    def test_reads_stacks_from_the_outside_in(self):
        self.assertEqual(list(flame.stacks(PERF.splitlines(keepends=True))), [
            (300, ["weir-server", "[unknown]", "std::vector::push_back", "engine::Stream::Add"]),
            (100, ["rocksdb:low", "write"]),
            (200, ["weir-server", "[unknown]", "engine::Find"])])

    def test_widths_follow_weights(self):
        root = ET.fromstring(flame.flame(PERF.splitlines(), "t"))
        titles = [element.text for element in root.iter() if element.tag.endswith("title")]
        self.assertIn("weir-server (83.3%)", titles)
        self.assertIn("engine::Find (33.3%)", titles)
        root = ET.fromstring(flame.flame(PERF.splitlines(), "t", thread="rocksdb:low"))
        titles = [element.text for element in root.iter() if element.tag.endswith("title")]
        self.assertEqual(titles, ["t", "rocksdb:low (100.0%)", "write (100.0%)"])

    def test_refuses_to_draw_nothing(self):
        with self.assertRaises(ValueError):
            flame.flame([], "t")

    def test_names_without_arguments(self):
        self.assertEqual(flame.short_name("a::b(int, c<d>)+0x1f", "/x"), "a::b")
        self.assertEqual(flame.short_name("a::{lambda(int)#1}::operator()(int) const", "/x"),
                         "a::{lambda#1}::operator()")
        self.assertEqual(flame.short_name("[unknown]", "/lib/libc.so.6"), "[libc.so.6]")


if __name__ == "__main__":
    unittest.main()
