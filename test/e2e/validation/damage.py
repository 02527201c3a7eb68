"""What can be wrong with a signed zone. A damage of the table `zones` is a verb and its arguments, with / between them; OWNER is
relative to the zone, @ is the zone itself.

  drop/OWNER/TYPE       the set is not there, nor its signature
  unsign/OWNER/TYPE     the signature is not there
  unsign-by/FLAGS/OWNER/TYPE   the signatures by keys with these flags are not there
  change/OWNER/TYPE     other data under the same signature
  add/OWNER/TYPE        one record more under the same signature
  spoil/OWNER/TYPE      one bit of the signature is wrong
  double/OWNER/TYPE     a second signature, one bit of which is wrong
  old/OWNER/TYPE        the signature has expired
  early/OWNER/TYPE      the signature is not yet valid
  signer/OWNER/TYPE     the signature says that the zone above has made it
  stranger/OWNER/TYPE   the signature says that www of the zone has made it, which is no zone
  tag/OWNER/TYPE        the signature is by a key that is not there
  labels/OWNER/TYPE     the signature says that the name has one label less
  ttl/OWNER/TYPE        the TTL is longer than the one that was signed
  no-signatures         there are none in the whole zone
  no-denial             there are no NSEC and NSEC3 records
  no-keys               there are no DNSKEY records
  unproved/NAME         no NSEC or NSEC3 record matches or covers the name
  algorithm/N           keys and signatures are of another algorithm
  flags/N               the keys have other flags
  protocol/N            the keys have another protocol
  upper-case            all owners are in upper case
"""

import base64
import hashlib

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataset
import dns.rdatatype

RRSIG, NSEC, NSEC3, DNSKEY = (dns.rdatatype.from_text(t) for t in ('RRSIG', 'NSEC', 'NSEC3', 'DNSKEY'))


def digest(zone, key, kind):
    """The digest of a DS record, in hexadecimal."""
    data = dns.name.from_text(zone).canonicalize().to_wire() + key.to_wire()
    return {1: hashlib.sha1, 2: hashlib.sha256, 4: hashlib.sha384}[kind](data).hexdigest()


def owner(z, name):
    return z.origin if name == '@' else dns.name.from_text(name, z.origin)


def replace(z, name, kind, covers, records):
    """Puts records in the place of a set."""
    ttl = z.get_rdataset(name, kind, covers).ttl
    z.replace_rdataset(name, dns.rdataset.from_rdata_list(ttl, records))


def signatures(z, where, kind, make):
    """Puts other signatures in the place of those of a set: make gives a list for each."""
    name, covered = owner(z, where), dns.rdatatype.from_text(kind)
    old = list(z.get_rdataset(name, RRSIG, covered))
    replace(z, name, RRSIG, covered, [new for s in old for new in make(s)])


def tags(z, flags):
    return [dns.dnssec.key_id(k) for k in z.get_rdataset(z.origin, DNSKEY) if k.flags == flags]


def flip(s):
    return s.replace(signature=s.signature[:-1] + bytes([s.signature[-1] ^ 1]))


def other(rdata):
    """The record with other data: the last octet of an address, the first of a digest, or the end of a name."""
    if hasattr(rdata, 'address'):
        return rdata.replace(address=rdata.address[:-1] + str((int(rdata.address[-1], 16) + 5) % 10))
    if hasattr(rdata, 'digest'):
        return rdata.replace(digest=rdata.digest[::-1])
    if hasattr(rdata, 'target'):
        return rdata.replace(target=dns.name.from_text('elsewhere', rdata.target.parent()))
    if hasattr(rdata, 'serial'):
        return rdata.replace(serial=rdata.serial + 1)
    if hasattr(rdata, 'windows'):  # of NSEC and NSEC3: no types but RRSIG and NSEC
        return rdata.replace(windows=[(0, bytes([0, 0, 0, 0, 0, 3]))])
    if hasattr(rdata, 'strings'):
        return rdata.replace(strings=(b'another text',))
    raise ValueError(f'no other data for {rdata}')


def hash_of(name, record):
    return dns.dnssec.nsec3_hash(name, record.salt, record.iterations, record.algorithm).lower()


def decode(h):  # of NSEC3 records as dnspython has them
    return base64.b32encode(h).decode().lower().translate(str.maketrans('abcdefghijklmnopqrstuvwxyz234567', '0123456789abcdefghijklmnopqrstuv'))


def proving(z, name):
    """The owners of the records that match or cover a name."""
    for node, rdataset in list(z.iterate_rdatasets()):
        for r in rdataset:
            if rdataset.rdtype == NSEC:
                if node == name or node < name < r.next or r.next == z.origin and node < name:
                    yield node, NSEC
            elif rdataset.rdtype == NSEC3:
                at, begin, end = hash_of(name, r), node.labels[0].decode().lower(), decode(r.next)
                if begin == at or begin < at < end or begin >= end and (at > begin or at < end):
                    yield node, NSEC3


def remove(z, kinds):
    for node, rdataset in list(z.iterate_rdatasets()):
        if rdataset.rdtype in kinds or rdataset.rdtype == RRSIG and rdataset.covers in kinds:
            z.delete_rdataset(node, rdataset.rdtype, rdataset.covers)


def each(z, kind, change):
    for node, rdataset in list(z.iterate_rdatasets()):
        if rdataset.rdtype == kind:
            replace(z, node, kind, rdataset.covers, [change(r) for r in rdataset])


def drop(z, name, kind):
    kind = dns.rdatatype.from_text(kind)
    z.delete_rdataset(owner(z, name), kind)
    z.delete_rdataset(owner(z, name), RRSIG, kind)


def unsign(z, name, kind):
    z.delete_rdataset(owner(z, name), RRSIG, dns.rdatatype.from_text(kind))


def change(z, name, kind):
    replace(z, owner(z, name), kind, dns.rdatatype.NONE, [other(r) for r in z.get_rdataset(owner(z, name), kind)])


def add(z, name, kind):
    old = list(z.get_rdataset(owner(z, name), kind))
    replace(z, owner(z, name), kind, dns.rdatatype.NONE, old + [other(old[0])])


def from_period(z, name, kind, there):
    covered = dns.rdatatype.from_text(kind)
    z.replace_rdataset(owner(z, name), there.get_rdataset(owner(z, name), RRSIG, covered))


def apply(z, words, at):
    """Does one damage to a zone; at(PERIOD) is the same zone, signed then."""
    verb, *arguments = words
    table = {
        'drop': drop, 'unsign': unsign, 'change': change, 'add': add,
        'unsign-by': lambda z, f, n, t: signatures(z, n, t, lambda s: [] if s.key_tag in tags(z, int(f)) else [s]),
        'spoil': lambda z, n, t: signatures(z, n, t, lambda s: [flip(s)]),
        'double': lambda z, n, t: signatures(z, n, t, lambda s: [flip(s), s]),
        'old': lambda z, n, t: from_period(z, n, t, at('expired')),
        'early': lambda z, n, t: from_period(z, n, t, at('future')),
        'signer': lambda z, n, t: signatures(z, n, t, lambda s: [s.replace(signer=z.origin.parent())]),
        'stranger': lambda z, n, t: signatures(z, n, t, lambda s: [s.replace(signer=owner(z, 'www'))]),
        'tag': lambda z, n, t: signatures(z, n, t, lambda s: [s.replace(key_tag=s.key_tag ^ 1)]),
        'labels': lambda z, n, t: signatures(z, n, t, lambda s: [s.replace(labels=s.labels - 1)]),
        'no-signatures': lambda z: remove_signatures(z),
        'no-denial': lambda z: remove(z, (NSEC, NSEC3, dns.rdatatype.NSEC3PARAM)),
        'no-keys': lambda z: remove(z, (DNSKEY,)),
        'unproved': unproved,
        'algorithm': lambda z, n: (each(z, DNSKEY, lambda r: r.replace(algorithm=int(n))), each(z, RRSIG, lambda r: r.replace(algorithm=int(n)))),
        'flags': lambda z, n: each(z, DNSKEY, lambda r: r.replace(flags=int(n))),
        'protocol': lambda z, n: each(z, DNSKEY, lambda r: r.replace(protocol=int(n))),
        'ttl': longer,
        'upper-case': upper_case,
    }
    table[verb](z, *arguments)


def remove_signatures(z):
    for node, rdataset in list(z.iterate_rdatasets()):
        if rdataset.rdtype == RRSIG:
            z.delete_rdataset(node, RRSIG, rdataset.covers)


def unproved(z, name):
    for node, kind in set(proving(z, owner(z, name))):
        z.delete_rdataset(node, kind)
        z.delete_rdataset(node, RRSIG, kind)


def longer(z, name, kind):
    for k, covers in ((kind, dns.rdatatype.NONE), (RRSIG, dns.rdatatype.from_text(kind))):
        z.get_rdataset(owner(z, name), k, covers).ttl *= 10


def upper_case(z):
    for name in list(z.nodes):
        z.nodes[dns.name.Name([l.upper() for l in name.labels])] = z.nodes.pop(name)
