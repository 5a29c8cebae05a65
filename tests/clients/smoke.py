"""python3-redis against tarn-server: a step a type. usage: smoke.py PORT"""
import sys
import traceback

import redis

passed = failed = 0
steps = []


def step(body):
    steps.append(body)
    return body


def same(have, want):
    assert have == want, "got %r, want %r" % (have, want)


r = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
r.flushall()


@step
def strings():
    same(r.set("s", "v", ex=100), True)
    same(r.get("s"), "v")
    same(r.incr("n", 5), 5)
    same(r.mget("s", "none"), ["v", None])
    same(r.ttl("s") > 90, True)
    same(redis.Redis(port=int(sys.argv[1])).get("s"), b"v")


@step
def hashes():
    same(r.hset("h", mapping={"a": 1, "b": "two"}), 2)
    same(r.hgetall("h"), {"a": "1", "b": "two"})
    same(dict(r.hscan_iter("h")), {"a": "1", "b": "two"})
    same(r.hincrbyfloat("h", "a", 0.5), 1.5)


@step
def lists():
    same(r.rpush("l", *range(1000)), 1000)
    same(r.lrange("l", 498, 501), ["498", "499", "500", "501"])
    same(r.lindex("l", 500), "500")
    same(r.ltrim("l", 10, 19), True)
    same(r.llen("l"), 10)
    same(r.blpop("l", 1), ("l", "10"))


@step
def sets():
    same(r.sadd("set", *range(100)), 100)
    same(r.smembers("set"), {str(i) for i in range(100)})
    same(r.sunionstore("set2", ["set"]), 100)
    same(len(r.srandmember("set", 10)), 10)


@step
def sorted_sets():
    same(r.zadd("z", {"m%d" % i: i for i in range(1000)}), 1000)
    same(r.zrange("z", 500, 501, withscores=True), [("m500", 500.0), ("m501", 501.0)])
    same(r.zrank("z", "m700"), 700)
    same(r.zcount("z", 100, 199), 100)
    same(r.zremrangebyscore("z", 0, 499), 500)


@step
def streams():
    ids = [r.xadd("x", {"i": i}) for i in range(300)]
    same([entry for entry, _ in r.xrange("x", count=2)], ids[:2])
    same(r.xgroup_create("x", "g", id="0"), True)
    got = r.xreadgroup("g", "me", {"x": ">"}, count=10)
    same([entry for entry, _ in got[0][1]], ids[:10])
    same(r.xpending("x", "g")["pending"], 10)
    same(r.xack("x", "g", *ids[:10]), 10)
    same(r.xtrim("x", maxlen=100, approximate=False), 200)
    same(r.xinfo_stream("x")["length"], 100)


@step
def others():
    same(r.setbit("bits", 7, 1), 0)
    same(r.bitcount("bits"), 1)
    same(r.pfadd("hll", "a", "b"), 1)
    same(r.pfcount("hll"), 2)
    same(r.geoadd("geo", (13.361389, 38.115556, "Palermo")), 1)
    same(r.geosearch("geo", longitude=13, latitude=38, radius=100, unit="km"), ["Palermo"])


@step
def transactions():
    with r.pipeline() as p:
        p.watch("counter")
        p.multi()
        p.incr("counter")
        p.incr("counter")
        same(p.execute(), [1, 2])


@step
def messages():
    listener = r.pubsub()
    listener.subscribe("news")
    same(listener.get_message(timeout=5)["type"], "subscribe")
    same(r.publish("news", "hi"), 1)
    same(listener.get_message(timeout=5)["data"], "hi")
    listener.close()


@step
def introspection():
    same(r.info("server")["redis_version"], "7.2.4")
    same(r.config_get("maxmemory"), {"maxmemory": "0"})
    same(r.client_setname("smoke"), True)
    same(r.memory_usage("z") > 1000, True)
    same(r.object("encoding", "z"), "skiplist")
    same(r.dump("s") is not None, True)


@step
def errors():
    try:
        r.lpush("s", "x")
    except redis.ResponseError as error:
        same(str(error).startswith("WRONGTYPE"), True)
    else:
        raise AssertionError("no error")


for body in steps:
    try:
        body()
        passed += 1
    except Exception:
        failed += 1
        print("not ok - %s" % body.__name__)
        traceback.print_exc(file=sys.stdout)
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
