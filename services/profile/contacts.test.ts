import test from "ava";
import { NotFound } from "../platform/refusal.ts";
import { engines } from "../platform/testing/engines.ts";
import { callOf, newUsername, RunningProfile } from "./testing/running-profile.ts";

const running = engines().map(async (engine) => ({ engine, profile: await RunningProfile.start(engine) }));

for (const { engine, profile } of await Promise.all(running)) {
  const on = `on ${engine.name}`;
  const contactsOf = async (userId: bigint) => {
    const { contacts } = await profile.contacts.getContacts({ userId }, callOf());
    const { $typeName: _, ...rest } = contacts ?? { $typeName: "" };
    return rest;
  };

  test.after.always(async () => {
    await profile.stop();
    await engine.remove();
  });

  test(`only verified contacts are somebody's own, the address in lower case ${on}`, async (t) => {
    const username = newUsername();
    const { id } = await profile.register({ username, email: `Sara.${username}@Example.com` });
    t.deepEqual(await contactsOf(id), { userId: id, name: username });
    await profile.change("UPDATE users SET verified_email = ? WHERE id = ?", `sara.${username}@example.com`, id);
    t.deepEqual(await contactsOf(id), { userId: id, name: username, email: `sara.${username}@example.com` });
  });

  test(`a number is as it was verified ${on}`, async (t) => {
    const { id, username } = await profile.register({ phoneNumber: "0912345678" });
    t.deepEqual(await contactsOf(id), { userId: id, name: username });
    await profile.change("UPDATE users SET verified_phone = ? WHERE id = ?", "+84912345678", id);
    t.deepEqual(await contactsOf(id), { userId: id, name: username, phoneNumber: "+84912345678" });
  });

  test(`somebody who gave a name is called by it ${on}`, async (t) => {
    const { id } = await profile.register({ name: "Sara" });
    t.deepEqual(await contactsOf(id), { userId: id, name: "Sara" });
  });

  test(`nobody has no contacts, and does not fail those that are asked for beside ${on}`, async (t) => {
    await t.throwsAsync(contactsOf(999_999n), { instanceOf: NotFound, message: "User not found" });
    const { id } = await profile.register();
    const requests = [{ userId: 999_999n }, { userId: id }];
    const { results } = await profile.contacts.batchGetContacts({ requests }, callOf());
    t.deepEqual(
      results.map(({ outcome }) => outcome.case),
      ["error", "response"],
    );
  });
}
