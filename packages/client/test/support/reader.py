"""Reads all events by one way and prints how many: reader.py <address> <user> <password> <way> <consumer> <count>"""
import asyncio
import sys

import nats

address, user, password, way, consumer, count = sys.argv[1:]


async def main():
    options = {"user": user, "password": password, "inbox_prefix": f"_INBOX_{user}"} if user else {}
    nc = await nats.connect(address, **options)
    js = nc.jetstream(timeout=5)
    seen = 0
    if way == "pull":
        subscription = await js.pull_subscribe("events.>", durable=consumer, stream="EVENTS")
        while seen < int(count):
            for message in await subscription.fetch(500, timeout=5):
                await message.ack()
                seen += 1
    else:
        subscription = await js.subscribe("events.>", durable=consumer, stream="EVENTS", flow_control=True, idle_heartbeat=1, manual_ack=True)
        while seen < int(count):
            message = await subscription.next_msg(timeout=5)
            await message.ack()
            seen += 1
    print(seen)
    await nc.close()


asyncio.run(main())
