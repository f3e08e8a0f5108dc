import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { importJWK } from "jose";
import type { Logger } from "pino";
import { AuthService, type JsonWebKey } from "../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import { Unavailable } from "./refusal.ts";
import { Call } from "./rpc/call.ts";
import type { Clients } from "./rpc/handler.ts";

const refreshEveryMs = 60_000;
const leastBetweenFetchesMs = 1_000;
const fetchTimeoutMs = 2_000;

/** The public keys that tokens are signed with, as profile last gave them. */
export class KnownKeys {
  private readonly clients: Clients;
  private readonly log: Logger;
  private keys: ReadonlyMap<string, CryptoKey> = new Map();
  /** In milliseconds, by a clock that is never set. */
  private lastFetchAt = Number.NEGATIVE_INFINITY;
  private lastFetchFailed = false;
  private fetching: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(clients: Clients, log: Logger) {
    this.clients = clients;
    this.log = log;
  }

  /** Fetches the keys now, and again every minute; every second while profile is away. */
  start(): void {
    void this.refreshFromNowOn();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Whether any key has been fetched yet. */
  get hasAny(): boolean {
    return this.keys.size > 0;
  }

  /** Whether tokens signed with a key are good, as far as is known. */
  has(keyId: string): boolean {
    return this.keys.has(keyId);
  }

  /**
   * A key by its id. Where it is not known, all are fetched again, at most once a second, in case it is new; undefined
   * where there is none even so. Throws Unavailable where profile could not be asked.
   */
  async find(keyId: string): Promise<CryptoKey | undefined> {
    // A fetch in progress may bring the key, or have been answered before the key was made.
    if (!this.keys.has(keyId)) await this.fetching;
    if (!this.keys.has(keyId)) await this.refresh();
    const found = this.keys.get(keyId);
    if (!found && this.lastFetchFailed) throw new Unavailable();
    return found;
  }

  private async refreshFromNowOn(): Promise<void> {
    await this.refresh();
    if (this.stopped) return;
    const waitMs = this.lastFetchFailed ? leastBetweenFetchesMs : refreshEveryMs;
    this.timer = setTimeout(() => void this.refreshFromNowOn(), waitMs).unref();
  }

  private refresh(): Promise<void> {
    this.fetching ??= this.fetch().finally(() => {
      this.fetching = undefined;
    });
    return this.fetching;
  }

  private async fetch(): Promise<void> {
    const waitMs = this.lastFetchAt + leastBetweenFetchesMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    this.lastFetchAt = performance.now();
    try {
      const call = new Call({ requestId: randomUUID(), deadline: Date.now() + fetchTimeoutMs });
      const { keys } = await this.clients.of(AuthService).getJsonWebKeys({}, call);
      this.keys = new Map(await Promise.all(keys.map(readKey)));
      this.lastFetchFailed = false;
    } catch (error) {
      const about = "The keys of tokens could not be fetched; those that are known stay good";
      if (!this.lastFetchFailed) this.log.warn({ err: error }, about);
      this.lastFetchFailed = true;
    }
  }
}

async function readKey({ kid, kty, crv, x }: JsonWebKey): Promise<[string, CryptoKey]> {
  return [kid, (await importJWK({ kty, crv, x }, "EdDSA")) as CryptoKey];
}
