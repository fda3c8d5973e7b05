"""histories - is what several processes saw of a register what one register could have shown?

    linearizable([("write", begin, end, new, old), ...])      # each a swap: it took `old` and put `new`
    linearizable([("read", begin, end, value), ...])

The search of Wing and Gong: of the operations that are not preceded by another pending one, one is next; states that
were seen are not looked at again. Small histories only. `end` None: nobody heard whether it was done, it may be or not.
"""
INFINITE = float("inf")


def linearizable(history, first):
    """history: (kind, begin, end, ...) in any order; first: the register's value before all."""
    operations = sorted(history, key=lambda op: op[1])
    ends = [INFINITE if op[2] is None else op[2] for op in operations]
    sure = sum(1 << i for i, op in enumerate(operations) if op[2] is not None)
    seen, stack = set(), [(0, first)]
    while stack:
        done, value = stack.pop()
        if done & sure == sure:
            return True
        if (done, value) in seen:
            continue
        seen.add((done, value))
        open_ = [i for i in range(len(operations)) if not done >> i & 1]
        horizon = min(ends[i] for i in open_)
        for i in open_:
            op = operations[i]
            if op[1] > horizon:
                break
            after = step(op, value)
            if after is not None:
                stack.append((done | 1 << i, after))
    return False


def step(op, value):
    """The register's value after this operation; None: it cannot have happened now."""
    if op[0] == "read":
        return value if op[3] == value else None
    if op[2] is None:                   # Nobody heard what it took
        return op[3]
    return op[3] if op[4] == value else None
