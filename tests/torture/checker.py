"""The rules that a history and the dumps of its streams must obey, a function for each.

check() gives what was broken as (rule, words). Every rule is linear in the history, but for sorting. P rules speak of
streams, G rules of groups, L rules of progress, T of transactions. What an operation without a reply may have done
is allowed everywhere, and nothing more.

Dumps are taken while no client works; the last one ends the history. Rules about what is there look at the last one,
rules about what may not go back at all of them.
"""

import bisect
import collections

from facts import Facts
from history import ERROR, NEVER, OK, UNKNOWN, id_key

# Server and client round to milliseconds, each in its way.
ROUNDING_MS = 2
# A reader that blocks has to be served this much before its time is up, or it may rightly have seen nothing.
WAKE_SLACK_MS = 200
MAX_REPORTS_PER_RULE = 20


def check(ops, dumps, kills=(), losses=()):
    """Violations of all rules; ops in order of invocation, dumps in order of time, kills moments in ns.

    `losses` are (from, to) spans around power cuts: what was answered in one may be undone, so it counts as unknown, but
    not out of order (rule P4). A span begins at the cut, or as much earlier as appendfsync everysec may lose.
    """
    facts = Facts(forget(ops, losses), dumps, kills)
    facts.losses, facts.all_ops = losses, ops
    found = []
    for name, rule in RULES.items():
        words = [(name, text) for text in rule(facts)]
        found += words[:MAX_REPORTS_PER_RULE]
    return found


def forget(ops, losses):
    """What was answered just before a loss, as if it had not been."""
    def may_be_lost(op):
        return any(begin < op.returned and op.invoked < end for begin, end in losses)
    if not losses:
        return ops
    return [op._replace(outcome=UNKNOWN, result=None) if op.outcome == OK and may_be_lost(op) else op for op in ops]


def p1_nothing_acknowledged_is_lost(facts):
    """An answered XADD is in the dump with its payload, unless a delete or trim covers it."""
    for key, stream in facts.streams.items():
        if key not in facts.last:
            continue
        there = {entry_id for entry_id, _ in facts.last[key]["entries"]}
        for entry_id, token, known, _ in stream.clashes:
            yield f"{key}: {entry_id} is {token} and {known}"
        for entry_id, op in stream.added.items():
            if entry_id not in there and stream.removal_time(entry_id, id_key(entry_id)) == NEVER:
                yield f"{key}: {entry_id} ({op.args[0]}), answered at {op.returned}, is lost"


def p2_nothing_unsent_or_removed_is_there(facts):
    """Nothing in the dump that nobody sent, that was refused, that is there twice, or that was removed."""
    for key, dump in facts.last.items():
        stream, seen = facts.stream(key), {}
        for entry_id, token in dump["entries"]:
            if token not in stream.sent:
                yield f"{key}: {entry_id} has {token}, which " + (
                    "was refused" if token in stream.refused else "nobody sent")
            if token in seen:
                yield f"{key}: {token} is there as {seen[token]} and as {entry_id}"
            seen[token] = entry_id
            if any(span.op.outcome == OK for span in stream.deletes.get(entry_id, ())):
                yield f"{key}: {entry_id} was deleted and is there"
            if id_key(entry_id) < stream.trimmed_below:
                yield f"{key}: {entry_id} was trimmed with {stream.trimmed_by.args} and is there"


def p3_ids_ascend(facts):
    """Ids go up in the stream, and with real time: also over restarts and clock jumps."""
    for key, dump in facts.last.items():
        yield from _ascending(key, "the dump", dump["entries"])
    for key, stream in facts.streams.items():
        for op in stream.ranges:
            yield from _ascending(key, f"XRANGE at {op.invoked}", op.result)
        for entry_id, first, second in stream.doubles:
            yield f"{key}: {entry_id} was given to {first.args[0]} and to {second.args[0]}"
        adds = [(entry_id, stream.sent[token]) for entry_id, token in stream.tokens.items() if token in stream.sent]
        yield from _in_real_time(key, "was added", [
            (id_key(entry_id), entry_id, op.invoked, op.returned if op.outcome == OK else NEVER)
            for entry_id, op in adds])


def _ascending(key, where, entries):
    previous = None
    for entry_id, _ in entries:
        if previous is not None and id_key(entry_id) <= id_key(previous):
            yield f"{key}: {entry_id} follows {previous} in {where}"
        previous = entry_id


def _in_real_time(key, verb, rows):
    """What returned before another was invoked has the lower id. rows: (id_key, id, invoked, returned)."""
    earliest = (NEVER, None)
    for _, entry_id, invoked, returned in sorted(rows, reverse=True):
        if earliest[0] < invoked:
            yield f"{key}: {entry_id} {verb} at {invoked}, after {earliest[1]} was at {earliest[0]}"
        earliest = min(earliest, (returned, entry_id), key=lambda pair: pair[0])


def p4_producers_keep_their_order(facts):
    """Numbers of one producer go up with the ids; after a loss that is allowed, only the end is missing."""
    for key, dump in facts.last.items():
        last = {}
        for entry_id, token in dump["entries"]:
            producer, number = _sender(token)
            if number <= last.get(producer, (-1, None))[0]:
                yield f"{key}: {token} ({entry_id}) comes after {last[producer][1]}"
            last[producer] = (number, entry_id)
    for begin, end in facts.losses:
        yield from _gaps(facts, begin, end)


def _sender(token):
    producer, _, rest = token.partition("/")
    number = rest.partition("/")[0]
    return producer, int(number) if number.isdigit() else NEVER


def _gaps(facts, begin, end):
    """Whatever was kept of the time before a loss was sent before what was lost had been answered."""
    lost, kept = (NEVER, None), (0, None)
    for op in facts.all_ops:
        if op.kind != "XADD" or not begin < op.returned <= end or op.key not in facts.last:
            continue
        stream = facts.stream(op.key)
        is_there = op.args[0] in stream.known_tokens
        if is_there:
            kept = max(kept, (op.invoked, op.args[0]))
        elif op.outcome == OK and stream.removal_time(op.result, id_key(op.result)) == NEVER:
            lost = min(lost, (op.returned, op.args[0]))
    if kept[0] > lost[0]:
        yield f"a gap: {lost[1]}, answered at {lost[0]}, is lost, {kept[1]}, sent at {kept[0]}, is there"


def p5_counters_match(facts):
    """XLEN, first and last id, entries-added and max-deleted are those of the dump and the history."""
    for key, dump in facts.last.items():
        stream, info, entries = facts.stream(key), dump["info"], dump["entries"]
        for name, said, is_so in (
                ("XLEN", dump["length"], len(entries)), ("length", info["length"], len(entries)),
                ("first id", info["recorded-first-entry-id"], entries[0][0] if entries else "0-0")):
            if said != is_so:
                yield f"{key}: {name} {said}, should be {is_so}"
        newest = max([0] + stream.keys[-1:])
        if id_key(info["last-generated-id"]) < newest:
            yield f"{key}: last-generated-id {info['last-generated-id']}, {stream.ids[-1]} was given"
        known = len(stream.tokens)
        unseen = len(stream.sent) - len(set(stream.tokens.values()) & stream.sent.keys())
        if not known <= info["entries-added"] <= known + unseen:
            yield f"{key}: entries-added {info['entries-added']}, should be {known} to {known + unseen}"
        removed, told = info["entries-added"] - len(entries), stream.deleted_count + stream.trimmed_count
        if removed < told or removed > told and not stream.removals_unknown:
            yield f"{key}: {removed} entries are gone, XDEL and XTRIM told of {told}"
        yield from _max_deleted(key, stream, id_key(info["max-deleted-entry-id"]))
    for before, after in zip(facts.dumps, facts.dumps[1:]):
        for key, dump in after["streams"].items():
            old = before["streams"].get(key, dump)["info"]
            if dump["info"]["entries-added"] < old["entries-added"]:
                yield f"{key}: entries-added went from {old['entries-added']} to {dump['info']['entries-added']}"


def _max_deleted(key, stream, said):
    allowed = {id_key(entry_id) for entry_id in stream.deletes} | {0}
    least = max([0] + [id_key(entry_id) for entry_id, spans in stream.deletes.items()
                       if any(span.op.outcome == OK and span.op.result == len(set(span.op.args[0])) for span in spans)])
    if said not in allowed or said < least:
        yield f"{key}: max-deleted-entry-id is {said >> 64}-{said & (1 << 64) - 1}, of deleted {len(allowed) - 1}"


def each_group(facts):
    """(words for it, facts of the stream, facts of the group, its part of the last dump)."""
    for key, dump in facts.last.items():
        stream = facts.stream(key)
        for name, group in stream.groups.items():
            if name in dump["groups"]:
                yield f"{key} {name}:", stream, group, dump["groups"][name]


def pending_of(dump):
    return {row[0]: row for row in dump["rows"]}


def letters_of(dump):
    return {letter["id"]: letter for letter in dump["letters"] or ()}


def g1_new_entries_go_to_one_consumer(facts):
    """`>` hands out an entry once in a group, whatever crashed in between."""
    for words, _, group, _ in each_group(facts):
        for entry_id, deliveries in group.deliveries.items():
            news = [delivery for delivery in deliveries if delivery.how in ("new", "noack")]
            if len(news) > 1:
                yield f"{words} {entry_id} came by > to {news[0].consumer} and to {news[1].consumer}"


def g2_every_passed_entry_is_accounted_for(facts):
    """At or below the position an entry is acked, pending, dead-lettered or deleted, and only one of these."""
    for words, stream, group, dump in each_group(facts):
        pending, letters = pending_of(dump), letters_of(dump)
        position = id_key(dump["position"])
        there = {entry_id for entry_id, _ in facts.last[stream.key]["entries"]}
        lost = []
        for entry_id, key in zip(stream.ids, stream.keys):
            if key > position:
                break
            if entry_id in pending or entry_id in letters or entry_id in group.acks or entry_id in group.no_pending:
                continue
            if entry_id in there or entry_id in group.news and not may_be_settled(stream, group, dump, entry_id, key):
                lost.append(entry_id)
        taken = sum(span.op.args[2] for span in group.unknown_reads if span.op.args[3])
        if len(lost) > taken:
            yield (f"{words} {len(lost)} entries were passed and are nowhere ({taken} may be with NOACK reads that got "
                   f"no reply), like {lost[-1]}")
        yield from _pending_is_right(words, stream, group, pending, letters, position)


def may_be_settled(stream, group, dump, entry_id, key):
    """Whether the pending record of a removed entry may have gone with a claim or policy that met it."""
    if stream.removal_time(entry_id, key) == NEVER:
        return False
    return (entry_id in group.settled or entry_id in group.claims_named or bool(group.unknown_sweeps)
            or dump["letters"] is not None)


def _pending_is_right(words, stream, group, pending, letters, position):
    strays = []
    for entry_id in pending:
        if entry_id in letters:
            yield f"{words} {entry_id} is pending and has a letter"
        if id_key(entry_id) > position:
            yield f"{words} {entry_id} is pending above the position"
        if entry_id not in stream.tokens:
            strays.append(entry_id)
        elif entry_id not in group.news:
            strays.append(entry_id)
    unseen = sum(span.op.args[2] for span in group.unknown_reads if not span.op.args[3])
    if len(strays) > unseen:
        yield f"{words} {len(strays)} are pending that nobody read ({unseen} may have been), like {strays[-1]}"


def g3_acknowledged_is_over(facts):
    """After an XACK that counted an entry it is not pending and comes by no path; it is counted once."""
    for words, stream, group, dump in each_group(facts):
        pending, letters = pending_of(dump), letters_of(dump)
        for entry_id, acks in group.acks.items():
            counted = [span for span, is_counted in acks if is_counted]
            if counted:
                if len(counted) > 1:
                    yield f"{words} {entry_id} was acknowledged {len(counted)} times"
                if entry_id in pending:
                    yield f"{words} {entry_id} was acknowledged at {counted[0].returned} and is pending"
                for delivery in group.deliveries.get(entry_id, ()):
                    if delivery.invoked > counted[0].returned:
                        yield (f"{words} {entry_id} was acknowledged at {counted[0].returned} and came to "
                               f"{delivery.consumer} at {delivery.invoked} ({delivery.how})")
            elif all(is_counted is False for _, is_counted in acks):
                yield from _refused_rightly(words, stream, group, dump, letters, entry_id, acks)


def _refused_rightly(words, stream, group, dump, letters, entry_id, acks):
    """XACK answered 0: then something else had ended the delivery before."""
    delivered = group.news.get(entry_id)
    if delivered is None or delivered.how == "noack" or delivered.returned > acks[0][0].invoked:
        return
    if entry_id in letters or may_be_settled(stream, group, dump, entry_id, id_key(entry_id)):
        return
    yield f"{words} {entry_id} was delivered at {delivered.returned}, XACK did not count it"


def g4_counts_are_the_deliveries(facts):
    """The count of a pending entry is what clients saw of it, and of unanswered commands at most one each."""
    for words, stream, group, dump in each_group(facts):
        for entry_id, _, _, count in dump["rows"]:
            yield from _count_is_right(words, stream, group, entry_id, count)
    for before, after in zip(facts.dumps, facts.dumps[1:]):
        for key, stream in after["streams"].items():
            for name, dump in stream["groups"].items():
                old = before["streams"].get(key, stream)["groups"].get(name)
                counts = {row[0]: row[3] for row in old["rows"]} if old else {}
                for entry_id, _, _, count in dump["rows"]:
                    if count < counts.get(entry_id, 0):
                        yield f"{key} {name}: the count of {entry_id} went from {counts[entry_id]} to {count}"


def _count_is_right(words, stream, group, entry_id, count):
    deliveries = group.deliveries.get(entry_id, ())
    seen = sum(delivery.how != "justid" for delivery in deliveries)
    add = stream.sent.get(stream.tokens.get(entry_id))
    # It is pending because it was delivered, though the client may not have lived to see it.
    least = max(seen, 1)
    most = seen + group.unseen_deliveries(entry_id, add.invoked if add else 0)
    if not least <= count <= most:
        yield f"{words} {entry_id} counts {count} deliveries, should be {least} to {most}"


def g5_one_owner_each(facts):
    """All views of what is pending agree, and each has one owner."""
    for dump in facts.dumps:
        for key, stream in dump["streams"].items():
            for name, group in stream["groups"].items():
                rows = group["rows"]
                owners = collections.Counter(row[1] for row in rows)
                ids = [row[0] for row in rows]
                bounds = [ids[0], ids[-1]] if ids else [None, None]
                held = {owner: count for owner, count in group["consumers"].items() if count}
                released = owners.pop("", 0)
                for what, said, is_so in (
                        ("ids", len(set(ids)), len(rows)), ("order", ids, sorted(ids, key=id_key)),
                        ("XINFO", group["pending"], len(rows)), ("XPENDING", group["summary"][0], len(rows)),
                        ("bounds", group["summary"][1:3], bounds), ("owners", group["summary"][3], dict(owners)),
                        ("XINFO CONSUMERS", held, dict(owners)), ("released", released, 0)):
                    if said != is_so:
                        yield f"{key} {name}: {what}: {str(said)[:200]}, should be {str(is_so)[:200]}"


def g6_nothing_young_is_claimed(facts):
    """No claim takes an entry that was handed out less than min-idle ago, within one run of the server."""
    for words, _, group, _ in each_group(facts):
        for entry_id, deliveries in group.deliveries.items():
            newest = []
            for delivery in deliveries:
                if delivery.op.kind in ("XCLAIM", "AUTOCLAIM") and delivery.op.args[2] > 0:
                    yield from _idle_is_enough(facts, words, entry_id, newest, delivery)
                if delivery.how != "justid" or delivery.op.kind == "XCLAIM":
                    newest.append(delivery)


def _idle_is_enough(facts, words, entry_id, earlier, claim):
    before = [delivery.invoked for delivery in earlier[-8:] if delivery.returned < claim.invoked
              and facts.life(delivery.invoked) == facts.life(claim.invoked)]
    if before:
        idle_ms = (claim.returned - max(before)) / 1e6
        if idle_ms + ROUNDING_MS < claim.op.args[2]:
            yield f"{words} {entry_id} was claimed with min-idle {claim.op.args[2]} after {idle_ms:.1f} ms"


def g7_lag_is_what_is_left(facts):
    """Lag is the number of entries above the position, or null exactly when the specification says so."""
    for words, stream, _, dump in each_group(facts):
        whole = facts.last[stream.key]
        left = sum(id_key(entry_id) > id_key(dump["position"]) for entry_id, _ in whole["entries"])
        if dump["lag"] is not None and dump["lag"] != left:
            yield f"{words} lag {dump['lag']}, {left} are left"
        should = specified_lag(whole, dump)
        if (dump["lag"] is None) != (should is None):
            yield f"{words} lag {dump['lag']}, should be {should}"


def specified_lag(whole, group):
    """Section 4.2 of the streams specification, from the counters that the server shows."""
    info = whole["info"]
    added, length = info["entries-added"], info["length"]
    first, deleted, last = (id_key(info[name]) for name in (
        "recorded-first-entry-id", "max-deleted-entry-id", "last-generated-id"))
    position = id_key(group["position"])
    if added == 0 or length == 0:
        return 0
    if position < first and deleted < first:
        return length
    if group["entries-read"] is not None and not (deleted and position <= deleted):
        return added - group["entries-read"]
    estimate = None
    if position and position < deleted:
        pass
    elif position == last:
        estimate = added
    elif position < last and (deleted == 0 or deleted < first) and position <= first:
        estimate = added - length + (position == first)
    return None if estimate is None else added - estimate


def g8_the_position_goes_forward(facts):
    """A group's position lies at or above all it handed out, never goes back, and moves in real time."""
    for key, dump in facts.last.items():
        for name in facts.stream(key).groups.keys() - dump["groups"].keys():
            yield f"{key} {name}: the group is gone"
    for words, stream, group, dump in each_group(facts):
        position = id_key(dump["position"])
        for entry_id in group.news:
            if id_key(entry_id) > position:
                yield f"{words} the position is {dump['position']}, {entry_id} was delivered"
        if position and not group.unknown_reads and dump["position"] not in group.news:
            yield f"{words} the position is {dump['position']}, which nobody read"
        yield from _in_real_time(words, "was delivered", [
            (id_key(entry_id), entry_id, delivery.invoked, delivery.returned)
            for entry_id, delivery in group.news.items()])
    for before, after in zip(facts.dumps, facts.dumps[1:]):
        for key, stream in after["streams"].items():
            for name, dump in stream["groups"].items():
                old = before["streams"].get(key, stream)["groups"].get(name)
                if old and id_key(dump["position"]) < id_key(old["position"]):
                    yield f"{key} {name}: the position went from {old['position']} to {dump['position']}"


def g9_dead_letters_are_exact(facts):
    """One letter for each dead entry, whole, not before its deliveries were used up, and nothing after it."""
    for words, stream, group, dump in each_group(facts):
        if dump["letters"] is None:
            continue
        seen = set()
        for letter in dump["letters"]:
            entry_id = letter["id"]
            if entry_id in seen:
                yield f"{words} {entry_id} has two letters"
            seen.add(entry_id)
            yield from _letter_is_right(words, stream, group, dump, letter)
        if dump["letters-counted"] != len(dump["letters"]):
            yield f"{words} {dump['letters-counted']} letters are counted, there are {len(dump['letters'])}"
        yield from _deliveries_are_capped(words, group, dump["max-deliveries"])
    for dump in facts.dumps[:-1]:
        yield from _nothing_follows_a_letter(facts, dump)


def _letter_is_right(words, stream, group, dump, letter):
    entry_id = letter["id"]
    if letter["key"] != stream.key or letter["group"] != group.name:
        yield f"{words} the letter {letter['letter']} names {letter['key']} {letter['group']}"
    if letter["token"] is not None and letter["token"] not in stream.sent:
        yield f"{words} the letter of {entry_id} has {letter['token']}, which nobody sent"
    if group.acked(entry_id):
        yield f"{words} {entry_id} was acknowledged and has a letter"
    if letter["reason"] == "trimmed":
        if stream.removal_time(entry_id, id_key(entry_id)) == NEVER:
            yield f"{words} {entry_id} has a letter that calls it trimmed"
    elif letter["reason"] != "max-deliveries" or int(letter["deliveries"]) != dump["max-deliveries"]:
        yield f"{words} {entry_id} has a letter for {letter['reason']} after {letter['deliveries']} deliveries"
    yield from _count_is_right(words + " letter of", stream, group, entry_id, int(letter["deliveries"]))


def _deliveries_are_capped(words, group, most):
    for entry_id, deliveries in group.deliveries.items():
        if most and sum(delivery.how != "justid" for delivery in deliveries) > most:
            yield f"{words} {entry_id} was delivered {len(deliveries)} times, {most} are allowed"


def _nothing_follows_a_letter(facts, dump):
    for key, stream in dump["streams"].items():
        for name, group in stream["groups"].items():
            known = facts.stream(key).group(name)
            for entry_id in letters_of(group):
                for delivery in known.deliveries.get(entry_id, ()):
                    if delivery.invoked > dump["time"]:
                        yield f"{key} {name}: {entry_id} had a letter and came to {delivery.consumer}"
            left = {letter["letter"] for letter in facts.last.get(key, stream)["groups"][name]["letters"] or ()}
            for letter in group["letters"] or ():
                if letter["letter"] not in left:
                    yield f"{key} {name}: the letter {letter['letter']} of {letter['id']} is lost"


def g10_noack_leaves_nothing_pending(facts):
    """What a NOACK read brought is never pending and never comes again."""
    for words, _, group, dump in each_group(facts):
        pending = pending_of(dump)
        for entry_id in group.no_pending:
            if entry_id in pending:
                yield f"{words} {entry_id} came by a NOACK read and is pending"
            if len(group.deliveries[entry_id]) > 1:
                yield f"{words} {entry_id} came by a NOACK read and again"


def l1_readers_see_what_is_there(facts):
    """A `>` read that found nothing, though it waited, had nothing to find: no wake was lost, nothing read stale."""
    for words, stream, group, _ in each_group(facts):
        takers = sorted((span.invoked, span.returned) for span in group.unknown_reads)
        rows = []
        for entry_id, op in stream.added.items():
            gone = stream.removal_time(entry_id, id_key(entry_id))
            if entry_id in group.news:
                gone = min(gone, group.news[entry_id].invoked)
            else:
                gone = min([gone] + [invoked for invoked, returned in takers if returned > op.invoked])
            rows.append((op.returned, gone, entry_id))
        rows.sort()
        times = [row[0] for row in rows]
        latest, best = [], (0, None)
        for _, gone, entry_id in rows:
            best = max(best, (gone, entry_id))
            latest.append(best)
        for op in group.reads:
            if op.result:
                continue
            waited_until = op.invoked + max(0, op.args[4] - WAKE_SLACK_MS) * 1_000_000
            at = bisect.bisect_left(times, min(waited_until, op.returned))
            if at and latest[at - 1][0] > op.returned:
                yield f"{words} {op.client} got nothing from {op.invoked} to {op.returned}, {latest[at - 1][1]} was there"


def l2_nothing_is_refused(facts):
    """The load sends nothing that may be answered with an error."""
    for op in facts.errors:
        yield f"{op.client} {op.kind} {op.key}: {op.result}"


def t1_transactions_are_whole(facts):
    """Of one transaction everything happened or nothing."""
    whole = collections.defaultdict(list)
    for stream in facts.streams.values():
        for name, ops in stream.transactions.items():
            whole[name] += ops
    for name, ops in whole.items():
        done = [_is_done(facts, op) for op in ops]
        if True in done and False in done:
            parts = ", ".join(f"{op.kind} {op.key} {op.args}: {is_done}" for op, is_done in zip(ops, done))
            yield f"transaction {name}: {parts}"


def _is_done(facts, op):
    """True, False or None: cannot be told."""
    stream = facts.stream(op.key)
    if op.outcome == OK:
        return True
    if op.kind == "XADD":
        if op.args[0] in stream.known_tokens:
            return True
        # A later trim may have removed it, or somebody who saw it, if what he saw does not count any more.
        removed = any(trim.returned > op.invoked for trim in stream.trims[-50:]) or bool(
            stream.deletes.keys() - stream.tokens.keys())
        return None if removed or op.key not in facts.last else False
    group = facts.last.get(op.key, {"groups": {}})["groups"].get(op.args[0])
    if op.kind == "XACK" and group and any(row[0] in op.args[1] for row in group["rows"]):
        return False
    return None


RULES = {
    "P1": p1_nothing_acknowledged_is_lost,
    "P2": p2_nothing_unsent_or_removed_is_there,
    "P3": p3_ids_ascend,
    "P4": p4_producers_keep_their_order,
    "P5": p5_counters_match,
    "G1": g1_new_entries_go_to_one_consumer,
    "G2": g2_every_passed_entry_is_accounted_for,
    "G3": g3_acknowledged_is_over,
    "G4": g4_counts_are_the_deliveries,
    "G5": g5_one_owner_each,
    "G6": g6_nothing_young_is_claimed,
    "G7": g7_lag_is_what_is_left,
    "G8": g8_the_position_goes_forward,
    "G9": g9_dead_letters_are_exact,
    "G10": g10_noack_leaves_nothing_pending,
    "L1": l1_readers_see_what_is_there,
    "L2": l2_nothing_is_refused,
    "T1": t1_transactions_are_whole,
}
