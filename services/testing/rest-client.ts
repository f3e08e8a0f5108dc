import { randomBytes } from "node:crypto";

/** An answer of the edge. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** To the byte. */
  readonly text: string;
  /** Parsed, where it is JSON. */
  // Tests look into answers of every shape.
  readonly body: Readonly<Record<string, unknown>> & {
    readonly success?: boolean;
    readonly message?: string;
    readonly code?: string;
    readonly request_id?: string;
    readonly data?: Record<string, unknown>;
    readonly meta?: Record<string, unknown>;
    readonly errors?: Record<string, string[]>;
  };
}

export interface RequestOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls the edge as a client would, as one user or as nobody. */
export class RestClient {
  readonly base: string;
  readonly token: string | undefined;

  constructor(base: URL | string, token?: string) {
    this.base = String(base).replace(/\/$/, "");
    this.token = token;
  }

  /** The same client with another token. */
  as(token: string | undefined): RestClient {
    return new RestClient(this.base, token);
  }

  get(path: string, options: RequestOptions = {}): Promise<Answer> {
    return this.request("GET", path, options);
  }

  post(path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.request("POST", path, { body, headers });
  }

  async request(method: string, path: string, { body, headers = {} }: RequestOptions = {}): Promise<Answer> {
    const response = await fetch(this.base + path, {
      method,
      headers: {
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parse(text) };
  }

  /** Signs in. */
  async login(username: string, password: string): Promise<RestClient> {
    const { status, body, text } = await this.post("/auth/login", { username, password });
    if (status !== 200) throw new Error(`${username} cannot sign in: ${text}`);
    return this.as(String(body.data?.token));
  }

  /** Signs a new user up and in. */
  async newUser(fields: Readonly<Record<string, unknown>> = {}): Promise<SignedIn> {
    const username = `user-${randomBytes(6).toString("hex")}`;
    const password = "correct horse";
    const { status, body, text } = await this.post("/auth/register", { username, password, ...fields });
    if (status !== 201) throw new Error(`${username} cannot sign up: ${text}`);
    return { id: Number(body.data?.id), username, password, client: await this.login(username, password) };
  }
}

/** A user, and a client that is signed in as that user. */
export interface SignedIn {
  readonly id: number;
  readonly username: string;
  readonly password: string;
  readonly client: RestClient;
}

function parse(text: string): Answer["body"] {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
