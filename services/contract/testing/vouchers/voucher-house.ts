import type { Engine } from "../../../platform/testing/engines.ts";
import { eventually } from "../../../platform/testing/eventually.ts";
import type { Answer, RestClient, SignedIn } from "../../../testing/rest-client.ts";
import { type RunningMesh, runMesh } from "../../../testing/running-mesh.ts";
import { PlayedIntegration } from "../../../voucher/codes/testing/playing-integration.ts";
import { inTurn } from "../in-turn.ts";
import { dataOf } from "../shop.ts";

/** What `POST /voucher` answers. */
export interface RequestData {
  readonly request_id: number;
  readonly watch_token: string;
  readonly status: string;
  readonly message: string;
}

/** What whoever watches a request is told. */
export interface WatchedData {
  readonly request_id: number;
  readonly status: string;
  readonly channel: string | null;
  readonly voucher_code: string | null;
  readonly requested_at: string;
  readonly received_at: string | null;
}

/** A request, and the phone that it is for. */
export interface Request extends RequestData {
  readonly phone: string;
}

/** Short, so that tests need not wait for long. */
export const lateAfterMs = 2_000;
export const giveUpAfterMs = 4_000;

/** A mesh in which a test stands between it and the provider. */
export class VoucherHouse {
  readonly engine: Engine;
  readonly anonymous: RestClient;
  readonly admin: RestClient;
  readonly integration: PlayedIntegration;
  /** Signs somebody up whose phone is verified as theirs. */
  readonly newOwner: (phone: string) => Promise<SignedIn>;
  private readonly running: RunningMesh;

  static async open(engine: Engine, environment: Readonly<Record<string, string>> = {}): Promise<VoucherHouse> {
    const integration = new PlayedIntegration();
    const times = { VOUCHER_LATE_AFTER_MS: String(lateAfterMs), VOUCHER_GIVE_UP_AFTER_MS: String(giveUpAfterMs) };
    const running = await runMesh(
      engine,
      { ...times, ...environment },
      {
        without: [integration.definition.name],
        guests: [integration.definition],
      },
    );
    return new VoucherHouse(engine, running, integration);
  }

  private constructor(engine: Engine, running: RunningMesh, integration: PlayedIntegration) {
    this.engine = engine;
    this.running = running;
    this.integration = integration;
    this.anonymous = running.anonymous;
    this.admin = running.superAdmin;
    this.newOwner = inTurn(async (phone) => {
      const owner = await running.anonymous.newUser({ phone_number: phone });
      dataOf(await owner.client.post("/auth/verifications", { channel: "phone" }));
      const [message = ""] = await this.told(phone, 1);
      const code = /\b[0-9]{6}\b/.exec(message)?.[0];
      dataOf(await owner.client.post("/auth/verifications/confirm", { channel: "phone", code }));
      return owner;
    });
  }

  get edge(): URL {
    if (!this.running.mesh.edgeUrl) throw new Error("The edge is not running");
    return this.running.mesh.edgeUrl;
  }

  /** Signs in somebody who works for the house, or for a vendor. */
  newStaff(role: "vendor" | "admin"): Promise<RestClient> {
    return this.running.newStaff(role);
  }

  async close(): Promise<void> {
    await this.running.mesh.stop();
    await this.engine.remove();
  }

  /** Asks for a code. */
  async ask(phone = newPhone()): Promise<Request> {
    return {
      phone,
      ...dataOf<RequestData>(await this.anonymous.post(`/voucher?phoneNumber=${encodeURIComponent(phone)}`)),
    };
  }

  /** Looks at a request, waiting for so many seconds. */
  look({ request_id, watch_token }: Request, wait?: number): Promise<Answer> {
    const query = wait === undefined ? "" : `&wait=${wait}`;
    return this.anonymous.get(`/voucher/requests/${request_id}?token=${watch_token}${query}`);
  }

  /** The same, of which only the data is of interest. */
  async see(request: Request, wait?: number): Promise<WatchedData> {
    return dataOf<WatchedData>(await this.look(request, wait));
  }

  /** What a phone was told, once it is so much, the newest first. */
  async told(phone: string, count: number): Promise<string[]> {
    const bodies = async () => {
      const { body } = await this.anonymous.get(`/dev/messages?per_page=100&to=${encodeURIComponent(phone)}`);
      return (body.data as unknown as { readonly body: string }[]).map((message) => message.body);
    };
    await eventually(async () => (await bodies()).length >= count);
    return bodies();
  }
}

let phones = 0;
const firstPhone = Math.floor(Math.random() * 9_000_000);

/** One that nobody else has asked for, E.164. */
export function newPhone(): string {
  return `+8491${String((firstPhone + ++phones) % 10_000_000).padStart(7, "0")}`;
}
