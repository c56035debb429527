"""What the broker counts. Decides nothing."""

from attrs import define


@define(kw_only=True)
class Counters:
    """All since the start, but `connections`, `clients` (those let in), `sessions` (durable ones),
    `away` (those whose client is not connected), `queued` (places in their queues), `retained` and
    `subscriptions`, which tell how many there are now.

    `most_clients`: how many were connected at the same time. `packets_received`,
    `bytes_received`, `bytes_sent`: over all connections, whatever they are. `answered`: packets
    sent that are no messages.
    `connected`: CONNECTs accepted. `refused`: CONNECTs answered with another code than 0.
    `turned_away`: connections closed at the door for a connection limit, without an answer.
    `violations`: connections closed for breaking the protocol. `expired`: for silence.
    `takeovers`: for a newer connection with the same client id.
    `published`: messages taken, over every door. `dropped`: refused by the gatekeeper, Wills
    included. `oversize`: too large, set aside. `unstored`: attempts to store that failed.
    `delivered`: messages handed to connections. `unsent`: QoS 0 dropped for a client that does not
    read. `overflowed`: QoS 1 and 2 dropped from a full queue. `displaced`: by a newer message of
    their topic, for a client that was away. `withheld`: not delivered when their turn came, for
    want of rights. `lapsed`: sessions ended for their age or their number. `unretained`: not kept
    for the limit of retained messages. `ungranted`: filters beyond the limit of subscriptions.
    """

    connections: int = 0
    clients: int = 0
    most_clients: int = 0
    sessions: int = 0
    away: int = 0
    queued: int = 0
    retained: int = 0
    subscriptions: int = 0
    packets_received: int = 0
    answered: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    connected: int = 0
    refused: int = 0
    turned_away: int = 0
    violations: int = 0
    expired: int = 0
    takeovers: int = 0
    published: int = 0
    dropped: int = 0
    oversize: int = 0
    unstored: int = 0
    delivered: int = 0
    unsent: int = 0
    overflowed: int = 0
    displaced: int = 0
    withheld: int = 0
    lapsed: int = 0
    unretained: int = 0
    ungranted: int = 0

    @property
    def lost(self) -> int:
        """Messages that did not reach a client for want of room on the way to it."""
        return self.unsent + self.overflowed

    @property
    def packets_sent(self) -> int:
        """Of any kind."""
        return self.answered + self.delivered
