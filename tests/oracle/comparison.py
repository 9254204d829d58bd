"""Replies of two servers to the same commands, the first difference between them, and the shortest cause."""

import differences
from command_generator import CONSUMERS
from resp_client import Decoder, quote


def decode(data):
    decoder = Decoder()
    decoder.feed(data)
    replies = []
    while (reply := decoder.next()) is not None:
        replies.append(reply)
    return replies


def first_difference(commands, raw, clean):
    """Index of the first command whose replies differ without explanation, and both replies."""
    if raw[0] == raw[1]:
        return None
    left, right = decode(raw[0]), decode(raw[1])
    queued = []
    for index, words in enumerate(commands):
        if words == ["MULTI"]:
            queued = []
        if words == ["EXEC"] and left[index].kind == right[index].kind == "*":
            if not _same_elements(queued, left[index].value, right[index].value, clean):
                return index, left[index], right[index]
        elif not differences.same(words, left[index], right[index], clean):
            return index, left[index], right[index]
        if left[index].value == b"QUEUED":
            queued.append(words)
    return None


def _same_elements(queued, left, right, clean):
    """Whether the replies of two transactions agree, command by command."""
    if left is None or right is None:
        return left is right
    return len(left) == len(right) == len(queued) and all(
        differences.same(words, *pair, clean) for words, *pair in zip(queued, left, right))


def with_consumers(words):
    """Where a group or a consumer may come or go, all consumers are named again (CREATION).

    A claim whose words were garbled may name another consumer: it is gone again at once.
    """
    if words[0] in ("XCLAIM", "XAUTOCLAIM") and len(words) > 3 and words[3] not in CONSUMERS:
        return [words, ["XGROUP", "DELCONSUMER", words[1], words[2], words[3]]]
    if words[:2] not in (["XGROUP", "CREATE"], ["XGROUP", "DELCONSUMER"]) or len(words) < 4:
        return [words]
    return [words] + [["XGROUP", "CREATECONSUMER", words[2], words[3], consumer]
                      for consumer in CONSUMERS]


def shortest(items, differs):
    """Leaves out pieces, then single items, as long as there is a difference.

    differs(candidate) is what of the candidate is needed to see one, its last item included, or None.
    """
    items = differs(items) or items
    size = max(1, len(items) // 2)
    while True:
        at, progress = 0, False
        while at < len(items):
            smaller = differs(items[:at] + items[at + size:])
            if smaller:
                items, progress = smaller, True
            else:
                at += size
        if size == 1 and not progress:
            return items
        size = max(1, size // 2)


def command_line(words):
    """The words as one types them."""
    return " ".join(word if word.isprintable() and word and " " not in word else quote(word.encode())
                    for word in words)
