"""What weir-server answers differently from redis-server 7.0 on purpose, and how replies are made comparable.

Each row names the topic it stands for in docs/differences.md, "Against redis-server 7.0". A difference that no
row explains is a failure.
"""

import re

from resp_client import Reply

# Topics, in the words of the table of known differences.
UNBALANCED = "unbalanced STREAMS text"
NEW_FIELDS = "XINFO STREAM fields, XINFO STREAM FULL consumers, XINFO FULL group"
CONSUMER_TIMES = "XINFO CONSUMERS"
LAG = "lag after trimming / tombstones, ENTRIESREAD above entries_added"
EMPTY_NODES = "exact trim empties a node that ends in deleted entries"
CREATION = "consumer creation by a `>` read without result, by XCLAIM/XAUTOCLAIM without result"
KEY_GONE = "blocked XREADGROUP, key deleted or type changed"
GROUP_GONE = "blocked XREADGROUP, group destroyed"
ALL_KEYS = "woken read of several keys"
# Kept away from by the generator: the two would differ in who waits.
EMPTY_LIST = "woken read that finds nothing"

_NEW_NAMES = {b"idmp-duration", b"idmp-maxsize", b"pids-tracked", b"iids-tracked", b"iids-added",
              b"iids-duplicates", b"nacked-count", b"active-time", b"inactive"}
_TIMES = {b"idle", b"seen-time"}
_INTERNAL = {b"radix-tree-nodes"}
_UNBALANCED_TEXTS = (b"ERR Unbalanced XREAD list", b"ERR Unbalanced 'xread' list",
                     b"ERR Unbalanced 'xreadgroup' list")
_ORACLE_KEY_GONE = b"UNBLOCKED the stream key no longer exists"
_ORACLE_GROUP_GONE = b"NOGROUP the consumer group this client was blocked on no longer exists"
_WRONG_TYPE = b"WRONGTYPE Operation against a key holding the wrong kind of value"
_NO_GROUP = re.compile(
    rb"NOGROUP No such key '(.*)' or consumer group '(.*)' in XREADGROUP with GROUP option")


def same(words, left, right, clean):
    """Whether two replies to one command agree once the rows above are taken out."""
    if left == right or _same_blocked(words, left, right):
        return True
    return normalised(words, left, clean) == normalised(words, right, clean)


def _same_blocked(words, left, right):
    """Whether two replies to a read that was woken say the same: ours to have run it anew."""
    if words[0] not in ("XREAD", "XREADGROUP") or "BLOCK" not in words:
        return False
    if left.is_error and right.is_error:  # KEY_GONE, GROUP_GONE
        if left.value == _WRONG_TYPE:
            return right.value == _ORACLE_KEY_GONE
        named = _NO_GROUP.fullmatch(left.value)
        return right.value in (_ORACLE_KEY_GONE, _ORACLE_GROUP_GONE) and named is not None and (
            named[1].decode() in words and named[2].decode() in words)
    # ALL_KEYS: the oracle gives that of the key which woke the reader.
    return words[0] == "XREAD" and left.kind == right.kind and left.kind in "*%" and (
        left.value is not None and right.value is not None and len(right.value) == 1 < len(left.value)
        and right.value[0] in left.value)


def normalised(words, reply, clean):
    name = words[0].upper()
    if reply.is_error:
        return UNBALANCED if reply.value.startswith(_UNBALANCED_TEXTS) else reply.value
    if name == "XPENDING" and len(words) > 3:
        # Idle times: the two servers ran the command at different moments.
        return [[row.value[0].value, row.value[1].value, row.value[3].value] for row in reply.value]
    if name == "XINFO":
        return _fields(reply, clean)
    return reply


def _fields(reply, clean):
    """XINFO as nested Python values without what is new, a time, or internal."""
    pairs = _pairs(reply)
    if pairs is None:
        if reply.kind == "*" and reply.value is not None:
            return [_fields(item, clean) for item in reply.value]
        return (reply.kind, reply.value)
    fields = {}
    for name, value in pairs:
        if name in _NEW_NAMES | _TIMES | _INTERNAL:  # NEW_FIELDS, CONSUMER_TIMES
            continue
        if name in (b"entries-read", b"lag") and not clean:  # LAG
            continue
        if name == b"pending" and value.kind == "*":
            fields[name] = [_without_time(row) for row in value.value]
        else:
            fields[name] = _fields(value, clean)
    if fields.get(b"length") == (":", 0):  # EMPTY_NODES
        fields.pop(b"radix-tree-keys", None)
    return fields


def _without_time(row):
    """A pending record of XINFO STREAM FULL: the delivery time is the last but one."""
    items = [item.value for item in row.value]
    return items[:-2] + items[-1:]


_NAMED = (b"length", b"name")


def _pairs(reply):
    """Name and value of each field where the reply is a map, or the flat array that stands for one."""
    if reply.kind == "%":
        return [(key.value, value) for key, value in reply.value]
    if reply.kind == "*" and reply.value and isinstance(reply.value[0], Reply) and (
            reply.value[0].value in _NAMED) and len(reply.value) % 2 == 0:
        names = reply.value[::2]
        if all(name.kind == "$" for name in names) and len(names) > 2:
            return [(name.value, value) for name, value in zip(names, reply.value[1::2])]
    return None
