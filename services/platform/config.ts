import { readFileSync } from "node:fs";
import { type CodeKeyList, codeKeysForm, parseCodeKeys } from "./codes/code-key-list.ts";
import type { CodeOwner } from "./codes/code-keys.ts";
import { type Bucket, bucketForm, parseBucket } from "./media/bucket.ts";
import { isCurrency } from "./money.ts";

/** Thrown when a setting cannot be read; the message is one line that names it. */
export class ConfigError extends Error {}

/** Everything that can be set, read once from the environment. */
export interface Config {
  readonly production: boolean;
  readonly dataDir: string;
  readonly host: string;
  readonly edgePort: number;
  readonly grpcPort: number;
  /** Where a process without the edge shows /metrics; unset: nowhere. */
  readonly metricsPort: number | undefined;
  readonly logLevel: LogLevel;
  /** `mysql://user:pass@host:port`; unset: SQLite files in dataDir. */
  readonly databaseUrl: string | undefined;
  /** Each service's database is this and its name. */
  readonly databasePrefix: string;
  /** Connections of one service to MySQL. */
  readonly databaseConnections: number;
  /** Unset: events stay in this process. */
  readonly natsUrl: string | undefined;
  readonly adminUsername: string;
  /** Unset: made at the first start, printed once, kept in dataDir. */
  readonly adminPassword: string | undefined;
  /** A file with a JWK Set of private keys, the first of which signs; unset: made at the first start, kept in profile's database. */
  readonly signingKeysFile: string | undefined;
  readonly tokenLifetimeSeconds: number;
  /** What it takes to hash a password. No setting: whoever guesses is to find it as dear everywhere. */
  readonly passwordCost: PasswordCost;
  /** ISO 4217. */
  readonly defaultCurrency: string;
  /** ISO 3166-1, two letters. */
  readonly defaultPhoneRegion: string;
  readonly ratePerMinute: Readonly<Record<"admin" | "user" | "vendor" | "anonymous", number>>;
  /** Whether X-Forwarded-For is to be believed: the number of proxies in front of the edge. */
  readonly trustedProxies: number;
  /** Origins that browsers may call from; `*` is all. */
  readonly corsOrigins: readonly string[];
  readonly smtpUrl: string | undefined;
  readonly mailFrom: string;
  readonly smsUrl: string | undefined;
  readonly grpcTls: GrpcTls | undefined;
  readonly grpcReflection: boolean;
  /** `host:port` of services that run in other processes, by name. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Where traces go, an OTLP/HTTP endpoint; unset: nowhere. */
  readonly otlpEndpoint: string | undefined;
  /** How long an order's stock is held for it to be paid, in milliseconds. */
  readonly orderExpireAfterMs: number;
  /** Where paid and cancelled orders are sent, by HTTP; unset: a file in dataDir. */
  readonly dataPlatformUrl: string | undefined;
  /** What those requests are signed with (Standard Webhooks); set where the URL is. */
  readonly dataPlatformSecret: Buffer | undefined;
  /** What codes are kept under, the first of them from now on; unset: made at the first start, kept in dataDir. */
  readonly codeKeys: Readonly<Record<CodeOwner, CodeKeyList | undefined>>;
  /** Where pictures are kept; unset: files in dataDir. */
  readonly mediaBucket: Bucket | undefined;
  readonly voucher: VoucherTimes;
  readonly voucherProvider: VoucherProvider;
}

/** The cost of Argon2id (RFC 9106, 3.1). */
export interface PasswordCost {
  /** In KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** What OWASP's Password Storage Cheat Sheet asks for at least: 19 MiB, two passes, one lane. */
const passwordCost: PasswordCost = { memory: 19_456, passes: 2, parallelism: 1 };

/** How long people wait for a voucher code, in milliseconds from when they asked for it. */
export interface VoucherTimes {
  /** A code that comes until then is shown on the web, a later one leaves by SMS. */
  readonly lateAfterMs: number;
  /** After that there will be none. */
  readonly giveUpAfterMs: number;
}

/** Where the voucher provider is, and where it finds us. */
export interface VoucherProvider {
  /** Unset: its stand-in, in this process or at host and port. */
  readonly url: string | undefined;
  /** Where the stand-in listens. */
  readonly port: number;
  /** When it acknowledges what is not ready yet, in milliseconds after it was asked. */
  readonly ackAfterMs: number;
  /** Where its callbacks are listened for. */
  readonly callbackPort: number;
  /** What it is told to call back; unset: that port, on localhost. */
  readonly callbackUrl: string | undefined;
}

/** The mesh's certificates, as PEM. */
export interface GrpcTls {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly authority: Buffer;
}

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads every setting. Throws a ConfigError that names the first one that cannot be read. */
export function readConfig(environment: Environment = process.env): Config {
  const read = new Reader(environment);
  return {
    production: read.text("NODE_ENV") === "production",
    dataDir: read.text("DATA_DIR") ?? ".data",
    host: read.text("HOST") ?? "127.0.0.1",
    edgePort: read.port("EDGE_PORT") ?? 8080,
    grpcPort: read.port("GRPC_PORT") ?? 50051,
    metricsPort: read.port("METRICS_PORT"),
    logLevel: read.oneOf("LOG_LEVEL", logLevels) ?? "info",
    databaseUrl: read.url("DATABASE_URL", ["mysql:"]),
    databasePrefix: read.matching("DATABASE_PREFIX", /^[a-z0-9_]{1,40}$/, "1 to 40 of a-z, 0-9 and _") ?? "giftmesh_",
    databaseConnections: read.integer("DATABASE_CONNECTIONS", 1, 1000) ?? 8,
    natsUrl: read.url("NATS_URL", ["nats:", "tls:"]),
    adminUsername:
      read.matching("ADMIN_USERNAME", /^[a-z0-9._@+-]{3,64}$/, "3 to 64 of a-z, 0-9 and . _ @ + -") ?? "admin",
    adminPassword: read.matching("ADMIN_PASSWORD", /^.{8,128}$/u, "8 to 128 characters"),
    signingKeysFile: read.text("SIGNING_KEYS"),
    tokenLifetimeSeconds: read.integer("TOKEN_LIFETIME_SECONDS", 10, 86_400) ?? 900,
    passwordCost,
    defaultCurrency: read.currency("DEFAULT_CURRENCY") ?? "SAR",
    defaultPhoneRegion: read.matching("DEFAULT_PHONE_REGION", /^[A-Z]{2}$/, "two capital letters") ?? "VN",
    ratePerMinute: {
      admin: read.integer("RATE_LIMIT_ADMIN_PER_MINUTE", 1, 1e9) ?? 60,
      user: read.integer("RATE_LIMIT_USER_PER_MINUTE", 1, 1e9) ?? 120,
      vendor: read.integer("RATE_LIMIT_VENDOR_PER_MINUTE", 1, 1e9) ?? 120,
      anonymous: read.integer("RATE_LIMIT_ANONYMOUS_PER_MINUTE", 1, 1e9) ?? 60,
    },
    trustedProxies: read.integer("TRUSTED_PROXIES", 0, 10) ?? 0,
    corsOrigins: read.text("CORS_ORIGINS")?.split(",") ?? ["*"],
    smtpUrl: read.url("SMTP_URL", ["smtp:", "smtps:"]),
    mailFrom: read.text("MAIL_FROM") ?? "giftmesh <no-reply@localhost>",
    smsUrl: read.url("SMS_URL", ["http:", "https:"]),
    grpcTls: readTls(read),
    grpcReflection: read.flag("GRPC_REFLECTION") ?? read.text("NODE_ENV") !== "production",
    addresses: readAddresses(environment),
    otlpEndpoint: read.url("OTEL_EXPORTER_OTLP_ENDPOINT", ["http:", "https:"]),
    orderExpireAfterMs: read.integer("ORDER_EXPIRE_AFTER_MS", 100, 86_400_000) ?? 900_000,
    ...readDataPlatform(read),
    codeKeys: { "gift-card": read.codeKeys("GIFT_CARD_KEYS"), voucher: read.codeKeys("VOUCHER_KEYS") },
    mediaBucket: read.bucket("MEDIA_URL"),
    voucher: readVoucherTimes(read),
    voucherProvider: {
      url: read.url("VOUCHER_PROVIDER_URL", ["http:", "https:"]),
      port: read.port("VOUCHER_PROVIDER_PORT") ?? 8081,
      ackAfterMs: read.integer("VOUCHER_ACK_AFTER_MS", 10, 60_000) ?? 3_000,
      callbackPort: read.port("VOUCHER_CALLBACK_PORT") ?? 8082,
      callbackUrl: read.url("VOUCHER_CALLBACK_URL", ["http:", "https:"]),
    },
  };
}

class Reader {
  private readonly environment: Environment;

  constructor(environment: Environment) {
    this.environment = environment;
  }

  text(name: string): string | undefined {
    const value = this.environment[name];
    return value === "" ? undefined : value;
  }

  matching(name: string, pattern: RegExp, form: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !pattern.test(value)) throw new ConfigError(`${name}: must be ${form}`);
    return value;
  }

  integer(name: string, least: number, most: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (!/^[0-9]+$/.test(value) || number < least || number > most) {
      throw new ConfigError(`${name}: must be a whole number from ${least} to ${most}, not "${value}"`);
    }
    return number;
  }

  port(name: string): number | undefined {
    return this.integer(name, 0, 65_535);
  }

  flag(name: string): boolean | undefined {
    const value = this.oneOf(name, ["true", "false"] as const);
    return value === undefined ? undefined : value === "true";
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const found = values.find((one) => one === value);
    if (found === undefined) throw new ConfigError(`${name}: must be one of ${values.join(", ")}, not "${value}"`);
    return found;
  }

  url(name: string, protocols: readonly string[]): string | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const url = URL.parse(value);
    if (!url || !protocols.includes(url.protocol)) {
      // The value may hold a password, so it is not shown.
      throw new ConfigError(`${name}: must be a URL that starts with ${protocols.map((p) => `${p}//`).join(" or ")}`);
    }
    return value;
  }

  bucket(name: string): Bucket | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const bucket = parseBucket(value);
    // The value holds a secret, so it is not shown.
    if (!bucket) throw new ConfigError(`${name}: must be ${bucketForm}`);
    return bucket;
  }

  codeKeys(name: string): CodeKeyList | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const keys = parseCodeKeys(value);
    // The value is a secret, so it is not shown.
    if (!keys) throw new ConfigError(`${name}: must be ${codeKeysForm}`);
    return keys;
  }

  currency(name: string): string | undefined {
    const value = this.matching(name, /^[A-Z]{3}$/, "three capital letters");
    if (value !== undefined && !isCurrency(value)) throw new ConfigError(`${name}: ${value} is not a currency`);
    return value;
  }

  file(name: string): Buffer | undefined {
    const path = this.text(name);
    if (path === undefined) return undefined;
    try {
      return readFileSync(path);
    } catch (error) {
      throw new ConfigError(`${name}: cannot read ${path} (${(error as NodeJS.ErrnoException).code})`);
    }
  }
}

function readTls(read: Reader): GrpcTls | undefined {
  const certificate = read.file("GRPC_TLS_CERT");
  const key = read.file("GRPC_TLS_KEY");
  const authority = read.file("GRPC_TLS_CA");
  if (certificate && key && authority) return { certificate, key, authority };
  if (!certificate && !key && !authority) return undefined;
  throw new ConfigError("GRPC_TLS_CERT, GRPC_TLS_KEY, GRPC_TLS_CA: all three are needed, or none");
}

function readDataPlatform(read: Reader): Pick<Config, "dataPlatformUrl" | "dataPlatformSecret"> {
  const dataPlatformUrl = read.url("DATA_PLATFORM_URL", ["http:", "https:"]);
  const form = "whsec_ and at least 24 bytes in base64, as Standard Webhooks has it";
  const text = read.matching("DATA_PLATFORM_SECRET", /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/, form);
  if (dataPlatformUrl && !text) throw new ConfigError(`DATA_PLATFORM_SECRET: needed with DATA_PLATFORM_URL: ${form}`);
  return { dataPlatformUrl, dataPlatformSecret: text ? Buffer.from(text.slice("whsec_".length), "base64") : undefined };
}

function readVoucherTimes(read: Reader): VoucherTimes {
  const lateAfterMs = read.integer("VOUCHER_LATE_AFTER_MS", 100, 3_600_000) ?? 30_000;
  const giveUpAfterMs = read.integer("VOUCHER_GIVE_UP_AFTER_MS", 200, 86_400_000) ?? 600_000;
  if (giveUpAfterMs > lateAfterMs) return { lateAfterMs, giveUpAfterMs };
  throw new ConfigError(`VOUCHER_GIVE_UP_AFTER_MS: must be more than VOUCHER_LATE_AFTER_MS, which is ${lateAfterMs}`);
}

/** Whatever else ends so is another program's. */
const addressForm = /^(PROFILE|WALLET|CATALOG|VOUCHER|VOUCHER_INTEGRATION|PAYMENT|GIFT_CARD|NOTIFICATION)_ADDR$/;

/** `WALLET_ADDR=wallet:50051` says where the service `wallet` is; `GIFT_CARD_ADDR`, `gift-card`. */
function readAddresses(environment: Environment): Record<string, string> {
  const addresses: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    const service = addressForm.exec(name)?.[1];
    if (!service || !value) continue;
    if (!/^[^\s:/]+:[0-9]{1,5}$/.test(value)) throw new ConfigError(`${name}: must be host:port, not "${value}"`);
    addresses[service.toLowerCase().replaceAll("_", "-")] = value;
  }
  return addresses;
}
