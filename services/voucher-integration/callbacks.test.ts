import type { ExecutionContext } from "ava";
import { eventually } from "../platform/testing/eventually.ts";
import { challengeOf } from "./domain/proof.ts";
import type { Asker } from "./testing/asker.ts";
import { flow, type Scene } from "./testing/flow.ts";
import { acknowledgement, HandProvider, send } from "./testing/hand-provider.ts";
import type { Integration } from "./testing/integration.ts";
import { sendRaw } from "./testing/raw-http.ts";
import { callbackText, goodBody, newVerifier, type Verifiers, wrongCallbacks } from "./testing/wrong-callbacks.ts";

interface Stage {
  readonly integration: Integration;
  readonly asker: Asker;
  readonly verifiers: Verifiers;
}

/** Requests that are acknowledged, called back, and given up: 1, 2 and 3. */
async function prepare(scene: Scene): Promise<Stage> {
  const verifiers = { open: newVerifier(), used: newVerifier(), usedCode: "CODE-used", over: newVerifier() };
  const byPhone: Record<string, string> = {
    "+84900000001": verifiers.open,
    "+84900000002": verifiers.used,
    "+84900000003": verifiers.over,
  };
  const provider = await HandProvider.start(({ phoneNumber }, response) =>
    send(response, 200, acknowledgement(challengeOf(byPhone[phoneNumber] ?? ""))),
  );
  scene.atEnd(() => provider.stop());
  const integration = await scene.integration(provider.url);
  const asker = await scene.asker();
  await integration.begin();
  asker.begin();
  await asker.want(...Object.keys(byPhone).map((phoneNumber, index) => ({ requestId: index + 1, phoneNumber })));
  await eventually(
    async () => (await integration.requests()).filter(({ state }) => state === "acknowledged").length === 3,
  );
  await integration.change("UPDATE requests SET gives_up_at = 1 WHERE id = 3");
  const used = await sendRaw(integration.callbackUrl, callbackText(goodBody(verifiers.used, verifiers.usedCode)));
  if (!used.text.startsWith("HTTP/1.1 200 ")) throw new Error(used.text);
  await asker.hears(2);
  // Nothing of it is under way any more.
  await eventually(async () => ((await integration.everything())[1] ?? []).every((event) => event.sent_at !== 0n));
  return { integration, asker, verifiers };
}

const withoutDate = (text: string) => text.replace(/^date: .* GMT\r\n/m, "");

const refusal =
  "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: 23\r\nconnection: close\r\n\r\n" +
  '{"message":"Forbidden"}';

flow(
  "whatever is wrong with a callback, it is the same 403, to the byte and in the same time, and changes nothing",
  async (t, scene) => {
    const { integration, asker, verifiers } = await prepare(scene);
    const before = await integration.everything();
    const wrong = Object.entries(wrongCallbacks(verifiers));
    const answers = await Promise.all(
      wrong.map(async ([title, bytes]) => ({ title, ...(await sendRaw(integration.callbackUrl, bytes)) })),
    );
    for (const { title, text, tookMs } of answers) {
      t.regex(text, /^date: .* GMT\r$/m, title);
      t.is(withoutDate(text), refusal, title);
      // It cannot be sooner; how much later only the machine's load can tell.
      t.true(tookMs > 490, `${title}: ${tookMs}`);
    }
    t.true(answers.length > 70);
    t.deepEqual(await integration.everything(), before);
    t.is((await asker.heard()).length, 2);
    t.is(await integration.metric("callbacks_total", "refused"), answers.length);
    await goesOnWell(t, { integration, asker, verifiers });
  },
);

/** The request that all have tried to spoil takes its code, once. */
async function goesOnWell(t: ExecutionContext, { integration, asker, verifiers }: Stage): Promise<void> {
  const right = callbackText(goodBody(verifiers.open, "CODE-open"));
  for (const _ of [1, 2, 3]) {
    const { text } = await sendRaw(integration.callbackUrl, right);
    t.regex(text, /^HTTP\/1\.1 200 OK\r\n/);
  }
  t.deepEqual((await asker.hears(3)).at(-1), { requestId: 1, code: "CODE-open", channel: "web" });
  t.is(await integration.metric("callbacks_total", "repeated"), 2);
  t.is((await integration.everything())[1]?.length, 3);
}

flow("a HEAD is refused as all is, but without the body", async (t, scene) => {
  const { integration, verifiers } = await prepare(scene);
  const bytes = callbackText(goodBody(verifiers.open)).toString("latin1").replace("POST", "HEAD");
  const { text } = await sendRaw(integration.callbackUrl, Buffer.from(bytes));
  t.is(withoutDate(text), refusal.slice(0, -'{"message":"Forbidden"}'.length));
});

flow("how long a refusal takes does not tell what was looked at for it", async (t, scene) => {
  const { integration, verifiers } = await prepare(scene);
  const kinds = {
    unknown: () => goodBody(newVerifier()),
    used: () => goodBody(verifiers.used, "CODE-other"),
    malformed: () => "{",
  };
  const medians = await Promise.all(
    Object.values(kinds).map(async (body) => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => sendRaw(integration.callbackUrl, callbackText(body()))),
      );
      return answers.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b)[10] ?? 0;
    }),
  );
  t.true(Math.max(...medians) - Math.min(...medians) < 200, medians.join(", "));
});

flow("64 at once with the same verifier have one effect", async (t, scene) => {
  const { integration, asker, verifiers } = await prepare(scene);
  const codes = Array.from({ length: 64 }, (_, index) => `CODE-${index % 2}`);
  const answers = await Promise.all(
    codes.map(async (code) => ({
      code,
      ...(await sendRaw(integration.callbackUrl, callbackText(goodBody(verifiers.open, code)))),
    })),
  );
  const [, , heard] = await asker.hears(3);
  for (const { code, text } of answers) {
    t.regex(text, code === heard?.code ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 403 /);
  }
  t.is((await integration.everything())[1]?.length, 3);
});

flow(
  "a client that takes its time is cut off with the same 403",
  async (t, scene) => {
    const { integration } = await prepare(scene);
    const { text, tookMs } = await sendRaw(
      integration.callbackUrl,
      "POST /api/voucher-code/vps/response HTTP/1.1\r\nhost: x",
    );
    t.is(withoutDate(text), refusal);
    t.true(tookMs > 4_900 && tookMs < 20_000, `${tookMs}`);
  },
  { on: ["SQLite"] },
);
