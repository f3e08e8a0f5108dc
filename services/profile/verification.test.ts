import test from "ava";
import { Channel, NotificationRequestedSchema } from "../../gen/giftmesh/notification/v1/notification_pb.ts";
import { ContactChannel } from "../../gen/giftmesh/profile/v1/auth_service_pb.ts";
import type { Refusal } from "../platform/refusal.ts";
import type { CallInit } from "../platform/rpc/call.ts";
import { failureOfCall, visible } from "../platform/rpc/testing/failure.ts";
import { engines } from "../platform/testing/engines.ts";
import { newUsername, startReplicas, times } from "./testing/running-profile.ts";

const { EMAIL, PHONE, UNSPECIFIED } = ContactChannel;
const invalidCode = { kind: "rule", reason: "INVALID_VERIFICATION_CODE" };
const tooSoon = { kind: "too_many", reason: "VERIFICATION_TOO_SOON" };
const taken = { kind: "rule", reason: "CONTACT_TAKEN" };
const minute = 60n * 1_000_000n;

const running = await Promise.all(engines().map(async (engine) => ({ engine, replicas: await startReplicas(engine) })));

for (const { engine, replicas } of running) {
  const [profile] = replicas;
  const { auth } = profile;
  let phones = 0;
  const newEmail = () => `${newUsername()}@example.com`;
  const newPhone = () => `+8491234${String(++phones).padStart(4, "0")}`;

  /** Somebody signed in, who asks for codes and reads what comes. */
  const enter = async (details: { email?: string; phoneNumber?: string } = {}) => {
    const { email = newEmail(), phoneNumber = newPhone() } = details;
    const { call, caller } = await profile.enter({ email, phoneNumber });
    const messages = async () => {
      const all = await profile.events("giftmesh.notification.requested", NotificationRequestedSchema);
      return all.filter(({ to }) => to === email || to === phoneNumber);
    };
    return {
      email,
      phoneNumber,
      caller,
      messages,
      request: (channel: ContactChannel = EMAIL, init: Partial<CallInit> = {}, index = 0) =>
        (replicas[index % replicas.length] ?? profile).auth.requestVerification({ channel }, call(init)),
      confirm: (code: string, channel: ContactChannel = EMAIL, init: Partial<CallInit> = {}, index = 0) =>
        (replicas[index % replicas.length] ?? profile).auth.confirmVerification({ channel, code }, call(init)),
      newestCode: async () => codeIn((await messages()).at(-1)?.body),
      me: async () => (await auth.getMe({}, call())).user,
      /** As if so much time had passed since the last code was sent. */
      wait: async (time: bigint) => {
        await profile.change(
          "UPDATE verification_codes SET sent_at = sent_at - ? WHERE user_id = ?",
          time,
          caller.userId,
        );
        await profile.change("UPDATE contacts_sent_to SET sent_at = sent_at - ?", time);
      },
    };
  };
  type Person = Awaited<ReturnType<typeof enter>>;
  const failure = async (confirmed: Promise<unknown>) => visible(await failureOfCall(confirmed));
  const wrongCode = async (person: Person) => ((await person.newestCode()) === "000000" ? "000001" : "000000");

  test.after.always(async () => {
    for (const replica of replicas) await replica.stop();
    await engine.remove();
  });

  test(`a code comes to the email address, and makes it the user's own, on ${engine.name}`, async (t) => {
    const sara = await enter();
    await sara.request();
    const [message, ...others] = await sara.messages();
    t.deepEqual(others, []);
    t.like(message, { channel: Channel.EMAIL, to: sara.email, subject: "Your giftmesh verification code" });
    t.regex(message?.body ?? "", /\b[0-9]{6}\b.* It is good for 10 minutes\./);
    t.like(await sara.me(), { emailVerified: false, phoneVerified: false });
    const { user } = await sara.confirm(await sara.newestCode());
    t.like(user, { email: sara.email, emailVerified: true, phoneVerified: false });
    t.deepEqual(await sara.me(), user);
  });

  test(`a code comes to the phone, and makes it the user's own, on ${engine.name}`, async (t) => {
    const sara = await enter();
    await sara.request(PHONE);
    t.like(await sara.messages(), [{ channel: Channel.SMS, to: sara.phoneNumber, subject: "" }]);
    const { user } = await sara.confirm(await sara.newestCode(), PHONE);
    t.like(user, { phoneNumber: sara.phoneNumber, emailVerified: false, phoneVerified: true });
    t.deepEqual(await sara.me(), user);
  });

  test(`the code of one channel is no good for the other, and neither holds the other up, on ${engine.name}`, async (t) => {
    const sara = await enter();
    await sara.request(EMAIL);
    const emailCode = await sara.newestCode();
    await sara.request(PHONE);
    const phoneCode = await sara.newestCode();
    if (emailCode !== phoneCode) t.like(await failure(sara.confirm(emailCode, PHONE)), invalidCode);
    await sara.confirm(emailCode, EMAIL);
    t.like(await sara.confirm(phoneCode, PHONE), { user: { emailVerified: true, phoneVerified: true } });
  });

  for (const [how, init, lost] of [
    ["without a key", () => ({}), 2],
    ["under an idempotency key", () => ({ idempotencyKey: newUsername() }), 1],
  ] as const) {
    test.serial(`a contact is verified though answers to commits are lost, ${how}, on ${engine.name}`, async (t) => {
      const sara = await enter();
      profile.lossy.toLose = lost;
      await sara.request(EMAIL, init());
      t.is(profile.lossy.toLose, 0);
      t.is((await sara.messages()).length, 1);
      t.like(await failure(sara.request(EMAIL, init())), tooSoon);
      profile.lossy.toLose = lost;
      const { user } = await sara.confirm(await sara.newestCode(), EMAIL, init());
      t.is(profile.lossy.toLose, 0);
      t.like(user, { email: sara.email, emailVerified: true });
      t.deepEqual(await sara.me(), user);
      t.like(await failure(sara.confirm(await sara.newestCode(), EMAIL, init())), invalidCode);
    });
  }

  for (const channel of [EMAIL, PHONE] as const) {
    test(`there is nothing to verify on channel ${channel} without a contact on ${engine.name}`, async (t) => {
      const { call } = await profile.enter();
      const requested = await failure(auth.requestVerification({ channel }, call()));
      t.like(requested, { kind: "rule", reason: "NO_CONTACT" });
      t.like(await failure(auth.confirmVerification({ channel, code: "123456" }, call())), invalidCode);
    });
  }

  test(`a channel that is none is invalid on ${engine.name}`, async (t) => {
    const sara = await enter();
    for (const channel of [UNSPECIFIED, 9 as ContactChannel]) {
      t.like(await failure(sara.request(channel)), { kind: "invalid" });
      t.like(await failure(sara.confirm("123456", channel)), { kind: "invalid" });
    }
  });

  for (const code of ["", "12345", "1234567", "12345x", "١٢٣٤٥٦"]) {
    test(`"${code}" cannot be a code on ${engine.name}`, async (t) => {
      const sara = await enter();
      t.like(await failure(sara.confirm(code)), { kind: "invalid", fields: [{ field: "code" }] });
    });
  }

  test(`a code works once on ${engine.name}`, async (t) => {
    const sara = await enter();
    await sara.request();
    const code = await sara.newestCode();
    await sara.confirm(code);
    t.like(await failure(sara.confirm(code)), invalidCode);
    t.like(await failure(sara.request()), { kind: "rule", reason: "ALREADY_VERIFIED" });
  });

  test(`another code can be had after a minute, and only the newest is good, on ${engine.name}`, async (t) => {
    const sara = await enter();
    await sara.request();
    const older = await sara.newestCode();
    const refused = await failureOfCall(sara.request());
    t.like(visible(refused), tooSoon);
    const seconds = (refused as Refusal).retryAfterSeconds ?? 0;
    t.true(seconds > 0 && seconds <= 60);
    await sara.wait(minute);
    await sara.request();
    const newer = await sara.newestCode();
    t.is((await sara.messages()).length, 2);
    if (older !== newer) t.like(await failure(sara.confirm(older)), invalidCode);
    await t.notThrowsAsync(sara.confirm(newer));
  });

  test(`a code is good for ten minutes on ${engine.name}`, async (t) => {
    const [early, late] = [await enter(), await enter()];
    for (const person of [early, late]) await person.request();
    await early.wait(9n * minute);
    await t.notThrowsAsync(early.confirm(await early.newestCode()));
    await late.wait(10n * minute);
    t.like(await failure(late.confirm(await late.newestCode())), invalidCode);
  });

  test(`a code is no good after five wrong ones, and the next one starts anew, on ${engine.name}`, async (t) => {
    const sara = await enter();
    await sara.request();
    const wrong = await wrongCode(sara);
    for (const _ of [1, 2, 3, 4, 5]) t.like(await failure(sara.confirm(wrong)), invalidCode);
    t.like(await failure(sara.confirm(await sara.newestCode())), invalidCode);
    await sara.wait(minute);
    await sara.request();
    t.like(await failure(sara.confirm(await wrongCode(sara))), invalidCode);
    await t.notThrowsAsync(sara.confirm(await sara.newestCode()));
  });

  test(`of 64 wrong codes at once five are counted, and the right one is no good then, on ${engine.name}`, async (t) => {
    const sara = await enter();
    await sara.request();
    const wrong = await wrongCode(sara);
    const outcomes = await Promise.all(times(64, (index) => failure(sara.confirm(wrong, EMAIL, {}, index))));
    for (const outcome of outcomes) t.like(outcome, invalidCode);
    const [row] = await profile.select("SELECT tries FROM verification_codes WHERE user_id = ?", sara.caller.userId);
    t.is(row?.tries, 5n);
    t.like(await failure(sara.confirm(await sara.newestCode())), invalidCode);
  });

  test(`of 64 requests at once one sends a code on ${engine.name}`, async (t) => {
    const sara = await enter();
    const outcomes = await Promise.allSettled(times(64, (index) => sara.request(EMAIL, {}, index)));
    t.is(outcomes.filter((one) => one.status === "fulfilled").length, 1);
    for (const one of outcomes) if (one.status === "rejected") t.like(visible(one.reason), tooSoon);
    t.is((await sara.messages()).length, 1);
  });

  test(`64 duplicates under one idempotency key have one effect and one answer on ${engine.name}`, async (t) => {
    const sara = await enter();
    await Promise.all(times(64, (index) => sara.request(EMAIL, { idempotencyKey: "request" }, index)));
    t.is((await sara.messages()).length, 1);
    const code = await sara.newestCode();
    const answers = await Promise.all(
      times(64, (index) => sara.confirm(code, EMAIL, { idempotencyKey: "confirm" }, index)),
    );
    for (const { user } of answers) t.true(user?.emailVerified);
  });

  test(`a wrong code that is repeated under one idempotency key counts once on ${engine.name}`, async (t) => {
    const sara = await enter();
    await sara.request();
    const wrong = await wrongCode(sara);
    for (const _ of [1, 2, 3, 4, 5, 6]) {
      t.like(await failure(sara.confirm(wrong, EMAIL, { idempotencyKey: "wrong" })), invalidCode);
    }
    await t.notThrowsAsync(sara.confirm(await sara.newestCode()));
  });

  test(`a code is no good once the contact that it was sent to has changed on ${engine.name}`, async (t) => {
    const sara = await enter();
    await sara.request();
    const code = await sara.newestCode();
    await profile.change("UPDATE users SET email = ? WHERE id = ?", newEmail(), sara.caller.userId);
    t.like(await failure(sara.confirm(code)), invalidCode);
    t.like(await sara.me(), { emailVerified: false });
  });

  for (const channel of [EMAIL, PHONE] as const) {
    test(`of many who share a contact on channel ${channel} one can have it verified on ${engine.name}`, async (t) => {
      const name = newUsername();
      const shared = newPhone();
      const people = await Promise.all(
        times(4, (index) =>
          enter({ email: `${index % 2 ? name : name.toUpperCase()}@example.com`, phoneNumber: shared }),
        ),
      );
      const codes = new Map<Person, string>();
      for (const person of people) {
        await person.wait(20_000_000n);
        await person.request(channel);
        codes.set(person, await person.newestCode());
      }
      const outcomes = await Promise.allSettled(
        people.map((person, index) => person.confirm(codes.get(person) ?? "", channel, {}, index)),
      );
      t.is(outcomes.filter((one) => one.status === "fulfilled").length, 1);
      for (const one of outcomes) if (one.status === "rejected") t.like(visible(one.reason), taken);
      const users = await Promise.all(people.map((person) => person.me()));
      t.is(users.filter((user) => user?.emailVerified || user?.phoneVerified).length, 1);
    });
  }
}

function codeIn(body = ""): string {
  const code = /\b[0-9]{6}\b/.exec(body)?.[0];
  if (code === undefined) throw new Error("No code has come");
  return code;
}
