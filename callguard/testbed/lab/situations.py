"""The ways by which people reach each other beside a plain Dial or Queue: the dialplan and files of the lab's PBX.

Parking, ring groups, follow-me, agent pools, conferences, waiting rooms, nested queues, pick-up and callbacks.
"""

from typing import Final

RING_GROUP: Final = "510"
"""Rings all agents at the same time, each by a Local channel that stays in the call."""
FOLLOW_ME: Final = "511"
"""Rings the first agent by FollowMe."""
POOL: Final = "512"
"""Dials queue `pool`, whose member is the agent pool's first agent."""
POOL_DIRECT: Final = "513"
"""Requests the agent pool's first agent without a queue."""
LOG_IN: Final = "514"
"""Logs the caller in as the agent pool's first agent; the phone stays on the line."""
CONFERENCE: Final = "515"
"""Enters a conference."""
WAITING_ROOM: Final = "516"
"""Enters a waiting room: a bridge that mixes nothing."""
NESTED: Final = "517"
"""Dials queue `outer`, whose member is a Local channel that dials queue `sales`."""
PARK: Final = "700"
"""Parks whoever is transferred to it; the first place is FIRST_PLACE."""
FIRST_PLACE: Final = "701"
"""Takes back who is parked in the first place."""
PICK_UP: Final = "*8"
"""Before an agent's number: picks up a call that rings at that phone."""
PICK_UP_GROUP: Final = "*9"
"""Picks up a call that rings at any phone."""

DIALPLAN: Final = f"""\
exten => {RING_GROUP},1,Dial(Local/agent1@agents/n&Local/agent2@agents/n&Local/agent3@agents/n,60)
exten => {FOLLOW_ME},1,FollowMe(first)
exten => {POOL},1,Answer()
 same => n,Queue(pool)
exten => {POOL_DIRECT},1,Answer()
 same => n,AgentRequest(1001)
exten => {LOG_IN},1,Answer()
 same => n,AgentLogin(1001,s)
exten => {CONFERENCE},1,Answer()
 same => n,ConfBridge(meeting)
exten => {WAITING_ROOM},1,Answer()
 same => n,BridgeWait(lobby)
exten => {NESTED},1,Answer()
 same => n,Queue(outer)
exten => {FIRST_PLACE},1,ParkedCall(,{FIRST_PLACE})
exten => _{PICK_UP}XXX,1,Pickup(${{EXTEN:2}}@phones&${{EXTEN:2}}@agents)
exten => {PICK_UP_GROUP},1,Pickup()
include => parked
"""
CONTEXTS: Final = """\
[parked]
[pool]
exten => 1001,1,AgentRequest(1001)
"""
QUEUES: Final = """\
[pool]
strategy = linear
timeout = 20
retry = 1
ringinuse = no
member => Local/1001@pool,0,agent1,Agent:1001

[outer]
strategy = linear
timeout = 20
retry = 1
ringinuse = no
member => Local/502@phones/n,0,overflow
"""
FILES: Final = {
    "agents.conf": "[general]\n[1001]\nackcall = no\nautologoff = 0\n",
    "confbridge.conf": "[default_user]\ntype = user\nquiet = yes\n[default_bridge]\ntype = bridge\n",
    "followme.conf": "[general]\nfeaturedigittimeout = 5000\n"
    "[first]\ncontext = phones\nnumber = 201,20\nenable_callee_prompt = no\n",
    "res_parking.conf": "[general]\n[default]\nparkext = 700\nparkpos = 701-709\ncontext = parked\nparkingtime = 45\n"
    "comebacktoorigin = yes\n",
}
"""Configuration files by name."""
MODULES: Final = (
    "app_agent_pool",
    "app_bridgewait",
    "app_confbridge",
    "app_directed_pickup",
    "app_followme",
    "res_parking",
)
