"""Good histories made bad in one place: each way breaks a promise, so the checker has to speak up.

A mutation takes copies of ops and dumps and a random source, changes one thing, and gives its name, or None if the history
has no place for it.
"""

import pickle

from history import OK, id_key


def _pick(choices, rows):
    rows = list(rows)
    return choices.choice(rows) if rows else None


def _pick_op(ops, choices, wanted):
    return _pick(choices, [at for at, op in enumerate(ops) if op.outcome == OK and wanted(op)])


def _add_of(ops, key, entry_id):
    return next((op for op in ops if op.kind == "XADD" and op.key == key and op.result == entry_id), None)


def _groups(dump):
    return [(key, stream, name, group) for key, stream in dump["streams"].items()
            for name, group in stream["groups"].items()]


def _removable(ops, key):
    """Whether any trim or delete may have touched the stream's newest entries: those are left alone."""
    return {i for op in ops if op.kind == "XDEL" and op.key == key for i in op.args[0]}


def drop_entry(ops, dumps, choices):
    key, stream = _pick(choices, dumps[-1]["streams"].items())
    acked = {op.result for op in ops if op.kind == "XADD" and op.key == key and op.outcome == OK}
    safe = [row for row in stream["entries"][20:] if row[0] in acked and row[0] not in _removable(ops, key)]
    row = _pick(choices, safe)
    if row is None:
        return False
    stream["entries"].remove(row)
    return True


def other_payload(ops, dumps, choices):
    _, stream = _pick(choices, dumps[-1]["streams"].items())
    row = _pick(choices, stream["entries"])
    if row is None:
        return False
    row[1] = row[1][:-1] + ("0" if row[1][-1] != "0" else "1")
    return True


def swap_entries(ops, dumps, choices):
    _, stream = _pick(choices, dumps[-1]["streams"].items())
    entries = stream["entries"]
    if len(entries) < 2:
        return False
    at = choices.randrange(len(entries) - 1)
    entries[at], entries[at + 1] = entries[at + 1], entries[at]
    return True


def double_entry(ops, dumps, choices):
    _, stream = _pick(choices, dumps[-1]["streams"].items())
    if not stream["entries"]:
        return False
    last = stream["entries"][-1][0]
    stream["entries"].append([last.partition("-")[0] + "9-0", _pick(choices, stream["entries"])[1]])
    return True


def bring_back_deleted(ops, dumps, choices):
    at = _pick_op(ops, choices, lambda op: op.kind == "XDEL")
    if at is None:
        return False
    entry_id = ops[at].args[0][0]
    entries = dumps[-1]["streams"][ops[at].key]["entries"]
    add = _add_of(ops, ops[at].key, entry_id)
    if add is None:
        return False
    entries.append([entry_id, add.args[0]])
    entries.sort(key=lambda row: id_key(row[0]))
    return True


def late_id(ops, dumps, choices):
    """An answered XADD got an id far above its time."""
    at = _pick_op(ops[:len(ops) // 2], choices, lambda op: op.kind == "XADD")
    later = at is not None and [op for op in ops if op.kind == "XADD" and op.key == ops[at].key and op.outcome == OK
                                and op.invoked > ops[at].returned]
    if not later:
        return False
    ops[at] = ops[at]._replace(result=str((id_key(later[-1].result) >> 64) + 5000) + "-0")
    return True


def wrong_length(ops, dumps, choices):
    _, stream = _pick(choices, dumps[-1]["streams"].items())
    stream["length"] += choices.choice((-1, 1))
    return True


def wrong_entries_added(ops, dumps, choices):
    _, stream = _pick(choices, dumps[-1]["streams"].items())
    stream["info"]["entries-added"] -= choices.choice((1, 50))
    return True


def wrong_max_deleted(ops, dumps, choices):
    _, stream = _pick(choices, dumps[-1]["streams"].items())
    stream["info"]["max-deleted-entry-id"] = "17-3"
    return True


def counter_goes_back(ops, dumps, choices):
    key, stream = _pick(choices, dumps[0]["streams"].items())
    stream["info"]["entries-added"] = dumps[-1]["streams"][key]["info"]["entries-added"] + 1
    return True


def deliver_twice(ops, dumps, choices):
    at = _pick_op(ops, choices, lambda op: op.kind == "READ" and op.result)
    other = at is not None and _pick_op(ops, choices, lambda op: op.kind == "READ" and op.key == ops[at].key
                                        and op.args[0] == ops[at].args[0] and op is not ops[at])
    if not other:
        return False
    ops[other] = ops[other]._replace(result=ops[other].result + [ops[at].result[0]])
    return True


def deliver_wrong_payload(ops, dumps, choices):
    at = _pick_op(ops, choices, lambda op: op.kind in ("READ", "XCLAIM", "HISTORY") and op.result and op.result[0][1])
    if at is None:
        return False
    rows = [list(row) for row in ops[at].result]
    rows[0][1] = "p0/999999/00000000"
    ops[at] = ops[at]._replace(result=rows)
    return True


def deliver_after_ack(ops, dumps, choices):
    at = _pick_op(ops, choices, lambda op: op.kind == "XACK" and op.result == len(op.args[1]))
    if at is None:
        return False
    ack = ops[at]
    add = _add_of(ops, ack.key, ack.args[1][0])
    if add is None:
        return False
    end = ops[-1].invoked + 1
    ops.append(ack._replace(kind="XCLAIM", args=[ack.args[0], "thief", 0, [add.result], 0], invoked=end,
                            returned=end + 1, result=[[add.result, add.args[0]]], transaction=None))
    return True


def ack_twice(ops, dumps, choices):
    at = _pick_op(ops, choices, lambda op: op.kind == "XACK" and op.result == len(op.args[1]))
    if at is None:
        return False
    end = ops[-1].invoked + 1
    ops.append(ops[at]._replace(invoked=end, returned=end + 1, transaction=None))
    return True


def acked_is_pending(ops, dumps, choices):
    at = _pick_op(ops, choices, lambda op: op.kind == "XACK" and op.result == len(op.args[1]))
    if at is None:
        return False
    group = dumps[-1]["streams"][ops[at].key]["groups"][ops[at].args[0]]
    group["rows"].append([ops[at].args[1][0], "billing0", 5, 1])
    group["rows"].sort(key=lambda row: id_key(row[0]))
    return True


def lose_pending(ops, dumps, choices):
    """A record is gone, and all counters agree that it is. (With NOACK reads it might be one that got no reply.)"""
    rows = [(stream, group, row) for _, stream, name, group in _groups(dumps[-1]) for row in group["rows"]
            if name != "taps" and row[0] in {entry_id for entry_id, _ in stream["entries"]}]
    picked = _pick(choices, rows)
    if picked is None:
        return False
    _, group, row = picked
    attempts = {i for op in ops if op.kind == "XACK" for i in op.args[1]}
    if row[0] in attempts:
        return False
    group["rows"].remove(row)
    owners = group["summary"][3]
    owners[row[1]] -= 1
    if not owners[row[1]]:
        del owners[row[1]]
    group["consumers"][row[1]] -= 1
    group["pending"] -= 1
    group["summary"][0] -= 1
    ids = [each[0] for each in group["rows"]]
    group["summary"][1:3] = [ids[0], ids[-1]] if ids else [None, None]
    return True


def invent_pending(ops, dumps, choices):
    key, stream, _, group = _pick(choices, _groups(dumps[-1]))
    group["rows"].append(["99999999999999-0", "nobody", 5, 1])
    return True


def wrong_count(ops, dumps, choices):
    picked = _pick(choices, [row for _, _, _, group in _groups(dumps[-1]) for row in group["rows"]])
    if picked is None:
        return False
    picked[3] = choices.choice((0, picked[3] + 40))
    return True


def other_owner(ops, dumps, choices):
    picked = _pick(choices, [row for _, _, _, group in _groups(dumps[-1]) for row in group["rows"]])
    if picked is None:
        return False
    picked[1] = "somebody else"
    return True


def wrong_pending_total(ops, dumps, choices):
    _pick(choices, _groups(dumps[-1]))[3]["pending"] += 1
    return True


def young_claim(ops, dumps, choices):
    """A claim of an entry that was delivered a moment before, in the same life."""
    at = _pick_op(ops, choices, lambda op: op.kind == "READ" and op.result and not op.args[3])
    if at is None:
        return False
    read = ops[at]
    start = read.returned + 1
    ops.append(read._replace(client="thief", kind="XCLAIM", args=[read.args[0], "thief", 60000, [read.result[0][0]], 1],
                             invoked=start, returned=start + 1, result=[[read.result[0][0], None]]))
    ops.sort(key=lambda op: op.invoked)
    return True


def wrong_lag(ops, dumps, choices):
    group = _pick(choices, _groups(dumps[-1]))[3]
    group["lag"] = (group["lag"] or 0) + choices.choice((1, 7))
    return True


def position_goes_back(ops, dumps, choices):
    group = _pick(choices, [group for _, _, _, group in _groups(dumps[-1]) if group["position"] != "0-0"])
    if group is None:
        return False
    group["position"] = f"{(id_key(group['position']) >> 64) - 1}-0"
    return True


def double_letter(ops, dumps, choices):
    letters = _letters(dumps)
    if not letters:
        return False
    letters.append({**_pick(choices, letters), "letter": "99999999999999-0"})
    return True


def letter_and_pending(ops, dumps, choices):
    letters = _letters(dumps)
    if not letters:
        return False
    for _, _, _, group in _groups(dumps[-1]):
        if group["letters"] is letters:
            group["rows"].append([_pick(choices, letters)["id"], "workers0", 3, 3])
    return True


def early_letter(ops, dumps, choices):
    letter = _pick(choices, [letter for letter in _letters(dumps) if letter["reason"] == "max-deliveries"])
    if letter is None:
        return False
    letter["deliveries"] = "2"
    return True


def letter_of_another(ops, dumps, choices):
    letter = _pick(choices, [letter for letter in _letters(dumps) if letter["token"]])
    if letter is None:
        return False
    letter["token"] = "p0/999999/00000000"
    return True


def lose_letter(ops, dumps, choices):
    letters = _letters(dumps)
    if not letters:
        return False
    letters.remove(_pick(choices, letters))
    return True


def _letters(dumps):
    return next((group["letters"] for _, _, _, group in _groups(dumps[-1]) if group["letters"]), [])


def noack_is_pending(ops, dumps, choices):
    at = _pick_op(ops, choices, lambda op: op.kind == "READ" and op.args[3] and op.result)
    if at is None:
        return False
    group = dumps[-1]["streams"][ops[at].key]["groups"][ops[at].args[0]]
    group["rows"].append([ops[at].result[0][0], "taps0", 3, 1])
    return True


def blind_read(ops, dumps, choices):
    """A reader waited and got nothing though an entry was there that nobody took for long."""
    at = _pick_op(ops, choices, lambda op: op.kind == "READ" and op.result)
    if at is None:
        return False
    read = ops[at]
    add = _add_of(ops, read.key, read.result[0][0])
    if add is None or add.returned + 3 >= read.invoked:
        return False
    ops.append(read._replace(client="blind", invoked=add.returned + 1, returned=add.returned + 2, result=[]))
    ops.sort(key=lambda op: op.invoked)
    return True


def half_transaction(ops, dumps, choices):
    """One part of a transaction is gone, as if it had had no reply and no effect."""
    at = _pick_op(ops, choices, lambda op: op.transaction is not None and op.kind == "XACK"
                  and op.result == len(op.args[1]))
    if at is None:
        return False
    twin = next((i for i, op in enumerate(ops) if op.transaction == ops[at].transaction and op.kind == "XADD"), None)
    if twin is None:
        return False
    stream = dumps[-1]["streams"][ops[twin].key]
    row = [ops[twin].result, ops[twin].args[0]]
    if row not in stream["entries"]:
        return False
    stream["entries"].remove(row)
    return True


MUTATIONS = [
    drop_entry, other_payload, swap_entries, double_entry, bring_back_deleted, late_id, wrong_length,
    wrong_entries_added, wrong_max_deleted, counter_goes_back, deliver_twice, deliver_wrong_payload, deliver_after_ack,
    ack_twice, acked_is_pending, lose_pending, invent_pending, wrong_count, other_owner, wrong_pending_total, young_claim,
    wrong_lag, position_goes_back, double_letter, letter_and_pending, early_letter, letter_of_another, lose_letter,
    noack_is_pending, blind_read, half_transaction,
]


def mutate(mutation, ops, frozen_dumps, choices):
    """(ops, dumps) with one thing wrong, or None where there is no place for it. frozen_dumps: pickled."""
    ops, dumps = list(ops), pickle.loads(frozen_dumps)
    return (ops, dumps) if mutation(ops, dumps, choices) else None
