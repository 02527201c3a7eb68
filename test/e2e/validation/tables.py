"""Reads the tables `zones`, `cases` and `differences`. In the first two a * stands for each of the three signers."""

import fnmatch
import os

TLDS = ('bind', 'knot', 'ldns')  # each has a signer of its own

# The servers, and their addresses in pairs of IPv4 and IPv6. One serves the top-level domains, each at an address of its own.
SERVERS = {
    'tld': [(f'192.0.2.{10 + i}', f'2001:db8:0:1::{10 + i}') for i in range(3)],
    'knotd': [('198.51.100.10', '2001:db8:0:2::10')],
    'named': [('198.51.100.11', '2001:db8:0:2::11')],
    'nsd': [('198.51.100.12', '2001:db8:0:2::12')],
}
USUAL = {'bind': 'named', 'knot': 'knotd', 'ldns': 'nsd'}

here = os.path.dirname(os.path.abspath(__file__))


def lines(name):
    with open(f'{here}/{name}') as f:
        for number, line in enumerate(f, 1):
            if line.strip() and not line.startswith('#'):
                yield f'{name}:{number}', line.rstrip('\n')


class Zone:
    """One line of `zones`."""

    def __init__(self, name, signer, algorithm, denial, *more):
        tld = name.split('.')[-2]
        self.name, self.signer = name, signer
        self.keys = [(int(algorithm), 'both')] if algorithm != '-' else []
        self.bits = 1024
        kind, *parameters = denial.split('/')
        self.nsec3 = kind in ('nsec3', 'opt-out')
        self.opt_out = kind == 'opt-out'
        self.iterations = int(parameters[0]) if parameters else 0
        self.salt = parameters[1] if len(parameters) > 1 else ''
        self.server = 'tld' if name.count('.') == 1 else USUAL[tld]
        self.ds, self.ds_of, self.ds_after = ['2'], None, False
        self.period, self.content = 'now', 'content'
        self.damage = []
        for word in more:
            key, value = word.split('=', 1)
            if key == 'keys':
                self.keys = [(int(k.split('-')[0]), k.split('-')[1]) for k in value.split(',')]
            elif key == 'ds':
                self.ds = value.split(',')
            elif key == 'ds-of':
                self.ds_of = int(value)
            elif key == 'ds-after':
                self.ds_after = True
            elif key == 'bits':
                self.bits = int(value)
            elif key == 'at':
                self.server = value
            elif key == 'content':
                self.content = value
            elif key == 'period':
                self.period = value
            elif key == 'damage':
                self.damage.append(value.split('/'))
            else:
                raise ValueError(f'{name}: {word}')


def expand(fields):
    """One line for each signer, where a name ends with a *, or the signer is one."""
    if not fields[0].endswith('*'):
        yield fields
        return
    for tld in TLDS:
        yield [fields[0][:-1] + tld + '.'] + [tld if f == '*' else f for f in fields[1:]]


def read_zones():
    zones = []
    for place, line in lines('zones'):
        try:
            zones += [Zone(*f) for f in expand(line.split('#')[0].split())]
        except (ValueError, TypeError) as e:
            raise SystemExit(f'{place}: {e}')
    names = [z.name for z in zones]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise SystemExit(f'zones: twice: {twice}')
    return zones


class Case:
    """One line of `cases`, for one of the signers."""

    def __init__(self, name, kind, verdict, rfc, *words):
        self.name, self.kind = name, kind
        self.want, plus, ede = verdict.partition('+')
        self.ede = [int(ede)] if plus else []
        self.what = ' '.join(words) + ', RFC ' + rfc.replace(':', ' section ')
        if self.want.split('/')[0] not in ('secure', 'insecure', 'bogus') or not words:
            raise ValueError(f'{name}: {verdict}')

    def __str__(self):
        return f'{self.name} {self.kind}'


def read_cases():
    cases = []
    for place, line in lines('cases'):
        try:
            cases += [Case(*f) for f in expand(line.split())]
        except (ValueError, TypeError) as e:
            raise SystemExit(f'{place}: {e}')
    names = [str(c) for c in cases]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise SystemExit(f'cases: twice: {twice}')
    return cases


class Difference:
    """One line of `differences`: whose verdict of which cases is another one than ours."""

    def __init__(self, title, who, verdict, name, kind):
        self.title, self.who, self.verdict, self.name, self.kind = title, who, verdict, name, kind
        self.used = 0

    def explains(self, case, who, verdict):
        fits = who == self.who and verdict == self.verdict and fnmatch.fnmatchcase(case.name, self.name) and self.kind in ('*', case.kind)
        self.used += fits
        return fits


def read_differences():
    title, out = None, []
    for place, line in lines('differences'):
        if line.startswith('== '):
            title = line[3:]
        elif not line.startswith(' '):
            try:
                out.append(Difference(title, *line.split()))
            except TypeError as e:
                raise SystemExit(f'{place}: {e}')
    return out
