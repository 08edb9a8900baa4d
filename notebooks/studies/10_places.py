"""The names of study 10_names once more: do the n-grams gain by being told the country?"""

import importlib.util
import math
import random
from collections import Counter, defaultdict
from pathlib import Path

from course_lib.data.names import names_by_country
from course_lib.studies import write_record

SPEC = importlib.util.spec_from_file_location("names", Path(__file__).with_name("10_names.py"))
names = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(names)

SEEDS = (0, 1, 2)  # who is told a wrong country
EVERYWHERE, ORDERS, SHARES = 5, (1, 2, 3), (0.0, 0.3, 0.4, 0.5, 0.6)  # 5: chosen in 10_names
UNLIKELY, ENOUGH = 1e-5, 50
PARTS, COUNTED, EDGE = names.PARTS, names_by_country(), names.EDGE
ASKED = ("EG", "IR", "MA", "PK")


def home(name):
    """Where most are counted under a name: said without a look at how any of them writes it."""
    return min(COUNTED[name], key=lambda country: (-COUNTED[name][country].total(), country))


HOMES = {name: home(name) for name in COUNTED}


# %% the sides, each told the country


class Told:
    """n-grams of all names, mixed with those of a country's names; `share` 0 is not told."""

    def __init__(self, everywhere, there, share):
        self.everywhere, self.seen, self.known = everywhere, everywhere.seen, {}
        self.there, self.share = there, share if there else 0.0

    def chances(self, past, letter):
        """P(unit | past, country) of each unit of a letter."""
        common = self.everywhere.chances(past, letter)
        if not self.share or letter not in self.there.units:
            return common
        units = self.there.units[letter]
        short = past[len(past) - min(len(past), self.there.seen) :]
        own = dict(zip(units, self.there.chances(short, letter), strict=True))
        pairs = zip(self.everywhere.units[letter], common, strict=True)
        return [(1 - self.share) * p + self.share * own.get(unit, 0.0) for unit, p in pairs]

    def likely(self, past, letter):
        """The units that are worth a try, and their chances."""
        if (past, letter) not in self.known:
            chances, units = self.chances(past, letter), self.everywhere.units[letter]
            least = UNLIKELY * max(chances)
            pairs = zip(units, chances, strict=True)
            self.known[past, letter] = [(unit, p) for unit, p in pairs if p > least]
        return self.known[past, letter]

    def surprise(self, units):
        """-log P of a name with its spelling."""
        row, lost = [EDGE, *units, EDGE], 0.0
        for i in range(1, len(row)):
            past, letter = tuple(row[max(0, i - self.seen) : i]), row[i][0]
            at = self.everywhere.units[letter].index(row[i])
            lost -= math.log(self.chances(past, letter)[at])
        return lost

    def write(self, source):
        """The likeliest spelling, as in 10_names."""
        going = {((EDGE,), ""): 1.0}
        for letter in (*(each for each in source if each in self.everywhere.units), ""):
            found = defaultdict(float)
            for (past, written), chance in going.items():
                seen = past[len(past) - min(len(past), self.seen) :]
                for unit, p in self.likely(seen, letter):
                    found[(*seen, unit)[-self.seen :], written + unit[1]] += chance * p
            going = dict(sorted(found.items(), key=lambda item: -item[1])[: names.KEPT])
        spelled = defaultdict(float)
        for (_, written), chance in going.items():
            spelled[written] += chance
        return max(spelled, key=spelled.get)


class ToldTable(names.LetterTable):
    """What a letter most often stands for at its place in a country; unseen there, anywhere."""

    def __init__(self, paths, there):
        super().__init__(paths)
        own = names.LetterTable(there).best
        self.best |= {key: part for key, part in own.items() if isinstance(key, tuple)}


def by_country(paths):
    """The units of each country's names."""
    found = defaultdict(list)
    for name, units in paths:
        found[HOMES[name]].append(units)
    return found


def told(everywhere, there, share):
    """A writer for each country."""
    return {c: Told(everywhere, there.get(c), share) for c in sorted(set(HOMES.values()))}


def write(writers, homes):
    """What each name is written as by the writer of its country."""
    return {name: writers[country].write(name) for name, country in homes.items()}


def choose(everywhere, paths, dev):
    """Surprise a dev name, for each order of a country's n-grams and each share."""
    found = {}
    for order in ORDERS:
        own = {c: names.JointNgrams(units, order) for c, units in by_country(paths).items()}
        for share in SHARES:
            writers = told(everywhere, own, share)
            lost = [writers[HOMES[name]].surprise(units) for name, units in dev]
            found[order, share] = sum(lost) / len(lost)
            print(order, share, found[order, share], flush=True)
    return found


# %% what they wrote


def known_there(name):
    """How those at home write a name, and how many each."""
    return COUNTED[name][HOMES[name]]


def scores(written):
    """Those of 10_names, against any source; and the share that someone at home writes so."""
    there = sum(each in known_there(name) for name, each in written.items())
    return names.scores(written) | {"there": there / len(written)}


def like_another(written):
    """Of names that two at home bear, the mean share of them who write as was written."""
    shares = [
        known_there(n)[w] / t for n, w in written.items() if (t := known_there(n).total()) > 1
    ]
    return sum(shares) / len(shares)


def agreement(some):
    """How often two who bear a name write it alike: both at home, and one of them elsewhere."""
    within, across = [], []
    for name in some:
        here, total = known_there(name), known_there(name).total()
        if total > 1:
            alike = sum(k * (k - 1) for k in here.values())
            within.append(alike / (total * (total - 1)))
        if away := sum((c for at, c in COUNTED[name].items() if at != HOMES[name]), Counter()):
            alike = sum(here[spelling] * k for spelling, k in away.items())
            across.append(alike / (total * away.total()))
    sides = {"within": within, "across": across}
    return {side: {"names": len(a), "alike": sum(a) / len(a)} for side, a in sides.items()}


def countries(plain, knowing):
    """For each country with enough names, the share written as some source does, by both."""
    found = defaultdict(list)
    for name in plain:
        right = [each[name] in names.NAMES[name] for each in (plain, knowing)]
        found[HOMES[name]].append(right)
    return {
        country: [len(rows), *(sum(side) / len(rows) for side in zip(*rows, strict=True))]
        for country, rows in sorted(found.items(), key=lambda item: -len(item[1]))
        if len(rows) >= ENOUGH
    }


def elsewhere(seed):
    """The test names with countries dealt out anew."""
    dealt = [HOMES[name] for name in PARTS.test]
    random.Random(seed).shuffle(dealt)
    return dict(zip(PARTS.test, dealt, strict=True))


def aligned(known, rounds):
    """Names with the units of their spelling, where these can be told."""
    table = names.align(known, rounds)
    return table, [(n, units) for n, spelling in known if (units := names.path(n, spelling, table))]


def first_steps():
    """Some chances in small: the aligner's, and of a name's spelling with and without a country."""
    table, paths = aligned(names.pairs(PARTS.train)[:600], rounds=2)
    everywhere = names.JointNgrams([units for _, units in paths], EVERYWHERE)
    own = {c: names.JointNgrams(units, 2) for c, units in by_country(paths).items()}
    sides = [told(everywhere, own, share) for share in (0.0, 0.5)]
    lost = [side[HOMES[name]].surprise(units) for side in sides for name, units in paths[:3]]
    return {"aligner": [table["ش", "sh"], table["م", "m"]], "surprise": lost}


def run():
    """Choose on dev names, then write the test."""
    table, paths = aligned(names.pairs(PARTS.train), names.ROUNDS)
    known = {unit for _, units in paths for unit in units}
    dev = [(n, names.path(n, spelling, table)) for n, spelling in names.pairs(PARTS.dev)]
    dev = [(n, units) for n, units in dev if units and known.issuperset(units)]
    everywhere = names.JointNgrams([units for _, units in paths], EVERYWHERE)
    tried = choose(everywhere, paths, dev)
    order, share = min(tried, key=tried.get)
    there = by_country(paths)
    own = {country: names.JointNgrams(units, order) for country, units in there.items()}
    plain, knowing = told(everywhere, own, 0.0), told(everywhere, own, share)
    homes = {part: {n: HOMES[n] for n in getattr(PARTS, part)} for part in ("dev", "test")}
    on_dev = {"n-grams": scores(write(knowing, homes["dev"]))}
    print(on_dev, flush=True)
    table = {c: ToldTable([u for _, u in paths], there.get(c, [])) for c in plain}
    one = names.LetterTable([units for _, units in paths])
    wrote = {
        "letter table": {name: one.write(name) for name in PARTS.test},
        "letter table, told": write(table, homes["test"]),
        "n-grams": write(plain, homes["test"]),
        "n-grams, told": write(knowing, homes["test"]),
    }
    print({side: scores(each) for side, each in wrote.items()}, flush=True)
    asked = {name: [knowing[c].write(name) for c in ASKED] for name in PARTS.test[:100]}
    return {
        "sizes": {"countries": len(plain), "dev": len(dev), "test": len(PARTS.test)},
        "tried on dev": {f"{o}, {s}": lost for (o, s), lost in tried.items()},
        "chosen": {"order": order, "share": share},
        "dev": on_dev,
        "test": {side: scores(each) for side, each in wrote.items()},
        "test, told a wrong country": [scores(write(knowing, elsewhere(s))) for s in SEEDS],
        "like another at home": {side: like_another(each) for side, each in wrote.items()},
        "agreement, test": agreement(PARTS.test),
        "agreement, all": agreement(COUNTED),
        "countries": countries(wrote["n-grams"], wrote["n-grams, told"]),
        "asked": {"countries": ASKED, "names": asked},
    }


if __name__ == "__main__":
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
