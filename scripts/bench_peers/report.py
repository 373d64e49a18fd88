"""Medians over the rounds, ratios to the baseline, the table and the JSON file."""

import json
import platform
import statistics
from pathlib import Path


def result(rounds, peers, baseline):
    """Everything that the run found. A figure that a peer does not have is absent."""
    medians = {}
    for peer in peers:
        names = rounds[0]["figures"][peer]
        medians[peer] = {name: statistics.median(one["figures"][peer][name] for one in rounds) for name in names}
    base = medians.get(baseline, {})
    ratios = {
        peer: {name: value / base[name] for name, value in figures.items() if base.get(name)}
        for peer, figures in medians.items()
    }
    return {"baseline": baseline, "machine": machine(), "medians": medians, "ratios": ratios, "rounds": rounds}


def machine():
    """What must be known of the machine to read the figures."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.machine(), "cores": len(models), "kernel": platform.release()}


def table(found):
    """A Markdown table: a line for each figure, a column for each peer, the ratio to the baseline in brackets."""
    peers, medians, ratios = list(found["medians"]), found["medians"], found["ratios"]
    names = list(dict.fromkeys(name for peer in peers for name in medians[peer]))

    def cell(peer, name):
        if name not in medians[peer]:
            return "–"
        ratio = ratios[peer].get(name)
        return number(medians[peer][name]) + (f" ({ratio:.2f})" if ratio is not None else "")

    rows = [["", *peers], *([name, *(cell(peer, name) for peer in peers)] for name in names)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    loads = ", ".join(f"{one['load']:.1f}" for one in found["rounds"])
    about = found["machine"]
    told = f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}; load when each round began: {loads}"
    return "\n".join([*lines, "", f"Medians, (ratio to {found['baseline']}). {told}"])


def number(value):
    """Three figures are all that such a measurement bears."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def write(path, found):
    """Writes what was found as JSON."""
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False, default=str) + "\n")
