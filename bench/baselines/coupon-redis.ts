import { type ClaimRefusal, serveCoupons } from "./coupon-front.ts";
import { now } from "./front.ts";
import { RedisClient } from "./redis-client.ts";
import { settings } from "./settings.ts";

/**
 * Coupons first come, first served as one would do it with Redis: a Lua script, which nothing else comes between, that
 * counts and keeps who has what. The server runs with `appendfsync always`: what is answered is on the disk.
 */
const script = `
local total, issued, per_user, starts_at = unpack(redis.call('HMGET', KEYS[1], 'total', 'issued', 'per_user', 'starts_at'))
if not total then return 'COUPON_NOT_FOUND' end
if tonumber(ARGV[3]) < tonumber(starts_at) then return 'COUPON_NOT_AVAILABLE' end
local held = tonumber(redis.call('HGET', KEYS[2], ARGV[2]) or '0')
if held >= tonumber(per_user) then return 'COUPON_ALREADY_ISSUED' end
if tonumber(issued) >= tonumber(total) then return 'COUPON_SOLD_OUT' end
local id = redis.call('INCR', 'member_coupons')
redis.call('HINCRBY', KEYS[1], 'issued', 1)
redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
redis.call('RPUSH', KEYS[3], id .. ' ' .. ARGV[1] .. ' ' .. ARGV[3])
return id`;

const redis = await RedisClient.open(Number(settings.store));
const sha = await redis.command("SCRIPT", "LOAD", script);

await serveCoupons({
  async add({ name, totalQuantity, perUserLimit }) {
    const id = Number(await redis.command("INCR", "coupons"));
    const terms = ["name", name, "total", totalQuantity, "issued", 0, "per_user", perUserLimit, "starts_at", now()];
    await redis.command("HSET", `coupon:${id}`, ...terms);
    return id;
  },

  async claim(couponId, userId) {
    const issuedAt = now();
    const keys = [`coupon:${couponId}`, `coupon:${couponId}:holders`, `member:${userId}:coupons`];
    const id = await redis.command("EVALSHA", sha, keys.length, ...keys, couponId, userId, issuedAt);
    return typeof id === "number" ? { id, issuedAt } : (id as ClaimRefusal);
  },
});
