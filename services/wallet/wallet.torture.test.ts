import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { type Engine, engines } from "../platform/testing/engines.ts";
import { eventually } from "../platform/testing/eventually.ts";
import { freePorts } from "../platform/testing/free-ports.ts";
import { startServices } from "../testing/processes.ts";
import { RestClient, type SignedIn } from "../testing/rest-client.ts";
import { adminPassword, unlimited } from "../testing/running-mesh.ts";
import { rounds, timeLimitMs } from "../testing/scale.ts";

const kills = rounds(20);
const clients = 16;

/** A charge that a client asked for: its idempotency key, and the answer if there was one. */
interface Asked {
  readonly user: SignedIn;
  readonly key: string;
  readonly amount: number;
  answer?: string;
}

for (const engine of engines()) {
  test.serial(
    `after kill -9 during load, ${kills} times, every charge is there once or declined on ${engine.name}`,
    async (t) => {
      t.timeout(timeLimitMs(30));
      const environment = await environmentFor(engine);
      const base = `http://127.0.0.1:${environment.EDGE_PORT}`;
      let mesh = await startServices([], environment);
      const anonymous = new RestClient(base);
      const users = await Promise.all(Array.from({ length: 4 }, () => anonymous.newUser()));
      const asked: Asked[] = [];

      for (let kill = 0; kill < kills; kill++) {
        const load = chargeUntilDead(base, users, asked, kill);
        await eventually(async () => asked.filter((one) => one.answer !== undefined).length > 2 * kill);
        await sleep(200 + Math.random() * 400);
        await mesh.end("SIGKILL");
        await load;
        mesh = await startServices([], environment);
      }

      const admin = await new RestClient(base).login("admin", adminPassword);
      t.like((await admin.get("/admin-api/ledger/audit")).body.data, { balanced: true, differences: [] });
      t.true(asked.filter((one) => one.answer !== undefined).length > kills);

      // The clients ask again, as they would: what was answered is answered the same, to the byte. What was left without
      // an answer for half a minute may have been given up.
      const expected = new Map(users.map((user) => [user, 0]));
      for (const one of asked) {
        const { status, text, body } = await charge(base, one);
        if (one.answer === undefined && status === 400) {
          t.is(body.code, "CHARGE_DECLINED");
          continue;
        }
        t.is(status, 200);
        if (one.answer !== undefined) t.is(text, one.answer);
        expected.set(one.user, (expected.get(one.user) ?? 0) + one.amount);
      }
      for (const [user, balance] of expected) {
        const { body } = await new RestClient(base, user.client.token).get("/members/me/points");
        t.is(body.data?.balance, `${balance}.00`);
      }
      t.is(await mesh.end("SIGTERM"), 0);
      await engine.remove();
    },
  );
}

async function environmentFor(engine: Engine): Promise<Record<string, string>> {
  const [edge, grpc] = await freePorts(2);
  return {
    ...engine.environment,
    ...unlimited,
    EDGE_PORT: String(edge),
    GRPC_PORT: String(grpc),
    ADMIN_PASSWORD: adminPassword,
    TOKEN_LIFETIME_SECONDS: "86400",
  };
}

async function chargeUntilDead(base: string, users: readonly SignedIn[], asked: Asked[], round: number) {
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let turn = 0; ; turn++) {
        const user = users[(client + turn) % users.length] as SignedIn;
        const one: Asked = { user, key: `${round}-${client}-${turn}`, amount: 1 + (turn % 9) };
        asked.push(one);
        try {
          const { status, text } = await charge(base, one);
          if (status === 200) one.answer = text;
        } catch {
          return;
        }
      }
    }),
  );
}

function charge(base: string, { user, key, amount }: Asked) {
  const client = new RestClient(base, user.client.token);
  return client.post("/members/me/points/charge", { amount }, { "idempotency-key": key });
}
