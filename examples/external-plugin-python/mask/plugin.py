"""What the plugin does: it keeps passwords and card numbers out of tickets, and tells the agents."""

import json
import logging

import plugin_pb2 as pb
from desk import Refused
from masking import MASK, mask

DEFAULTS = {"words": ["password", "passwort", "pin"], "cards": True, "note": "short"}

SCHEMA = {
    "type": "object",
    "properties": {
        "words": {"type": "array", "items": {"type": "string"}, "maxItems": 50, "description": "what follows one of these words is a secret"},
        "cards": {"type": "boolean", "description": "mask the numbers of payment cards"},
        "note": {"type": "string", "enum": ["none", "short", "long"], "description": "what agents are told"},
    },
}

NOTES = {
    "short": "A secret was masked.",
    "long": "The requester sent a secret. It was masked and is kept nowhere; ask for a new one to be set.",
}

# Each point, its handler, and the fields of the payload that are looked at.
BEFORES = {"ticket.create.before": ("mask", ["subject", "body"]), "reply.add.before": ("mask", ["body"])}
COUNT = "count"


def manifest():
    return pb.Manifest(
        protocol=1,
        id="mask",
        name="Mask",
        version="1.0.0",
        doc="Masks passwords and card numbers before they are kept.",
        permissions=["tickets:read", "tickets:write"],
        settings_schema=json.dumps(SCHEMA),
        settings_defaults=json.dumps(DEFAULTS),
        handlers=[pb.Handler(point=point, name=name, slot="early") for point, (name, _) in BEFORES.items()]
        + [pb.Handler(point="ticket.created", name="tell")],
        routes=[pb.Route(pattern="GET /api/mask/count", policy="agents", doc="How many tickets had a secret in them.")],
    )


class Plugin:
    def __init__(self):
        self.settings = DEFAULTS
        self.desk = None

    def before(self, point, payload):
        """Answers a Before with what is to be changed: a JSON merge patch, which names only that."""
        _, fields = BEFORES[point]
        patch = {}
        for field in fields:
            text, found = mask(payload[field], self.settings["words"], self.settings["cards"])
            if found:
                patch[field] = text
        return patch

    def tell(self, during, event, data):
        """Counts a ticket with a mask in it, and tells the agents. An event may come twice."""
        ticket = data["ticket"]["id"]
        try:
            shown = self.desk.request(during, "GET", f"/api/tickets/{ticket}")
        except Refused as refused:
            if refused.status == 404:
                return  # it was deleted meanwhile
            raise
        if MASK not in shown["ticket"]["subject"] + shown["replies"][0]["body"]:
            return
        self.count(during, ticket)
        note = NOTES.get(self.settings["note"])
        if note:
            once = {"Idempotency-Key": f"mask-{event}"}
            self.desk.request(during, "POST", f"/api/tickets/{ticket}/replies", {"body": note, "internal": True}, once)
        self.desk.log(logging.INFO, "masked a secret", ticket=ticket)

    def count(self, during, ticket):
        """Counts each ticket once, whoever else counts at the same moment."""
        if not self.desk.put(during, f"seen/{ticket}", True, 0):
            return
        while True:
            so_far, version = self.desk.get(COUNT)
            if self.desk.put(during, COUNT, (so_far or 0) + 1, version):
                return

    def counted(self, _):
        """Answers GET /api/mask/count."""
        so_far, _ = self.desk.get(COUNT)
        return {"tickets": so_far or 0}
