import { create } from "@bufbuild/protobuf";
import test from "ava";
import { CallerSchema, Role } from "../../gen/giftmesh/common/v1/access_pb.ts";
import { UserRegisteredSchema } from "../../gen/giftmesh/profile/v1/user_pb.ts";
import { nobody } from "../platform/rpc/call.ts";
import { failureOfCall, visible } from "../platform/rpc/testing/failure.ts";
import { engines } from "../platform/testing/engines.ts";
import { callOf, newUsername, password, startReplicas, times } from "./testing/running-profile.ts";

const taken = {
  kind: "invalid",
  reason: "VALIDATION_ERROR",
  fields: [{ field: "username", description: "The username has already been taken." }],
};
const invalidPhone = { field: "phone_number", description: "The phone number must be a valid phone number." };

const running = await Promise.all(engines().map(async (engine) => ({ engine, replicas: await startReplicas(engine) })));

for (const { engine, replicas } of running) {
  const [profile] = replicas;
  const { auth, userAdmin } = profile;
  const as = (role: Role) => callOf({ caller: create(CallerSchema, { userId: 1n, role }) });
  const newUser = () => ({ username: newUsername(), password });

  test.after.always(async () => {
    for (const replica of replicas) await replica.stop();
    await engine.remove();
  });

  test.serial(`a new user is as they said, with nothing verified, on ${engine.name}`, async (t) => {
    const username = newUsername();
    const request = { username: username.toUpperCase(), password, name: "Sara", email: "Sara@Example.com" };
    const { user } = await auth.register({ ...request, phoneNumber: "0912345678" }, callOf());
    t.like(user, {
      username,
      name: "Sara",
      email: "Sara@Example.com",
      emailVerified: false,
      phoneNumber: "+84912345678",
      phoneVerified: false,
      role: Role.USER,
      vendorId: undefined,
    });
    t.deepEqual((await profile.login(username)).user, user);
  });

  test.serial(`a new user need say no more than name and password on ${engine.name}`, async (t) => {
    const { user } = await auth.register(newUser(), callOf());
    t.like(user, { name: undefined, email: undefined, phoneNumber: undefined, role: Role.USER });
  });

  // SQLite loses no answers.
  if (engine.name === "MySQL") {
    test.serial("who registers while answers are lost is registered, and in nobody's way", async (t) => {
      const wanted = newUser();
      profile.lossy.toLose = 1;
      const { user } = await auth.register(wanted, callOf());
      t.is(profile.lossy.toLose, 0);
      t.deepEqual((await profile.login(wanted.username)).user, user);
      t.like(await failureOfCall(auth.register(wanted, callOf())), taken);
    });
  }

  test.serial(`the other services are told of each new user once on ${engine.name}`, async (t) => {
    const { id } = await profile.register();
    const { user } = await userAdmin.createUser({ ...newUser(), role: Role.ADMIN }, as(Role.SUPER_ADMIN));
    const events = await profile.events("giftmesh.profile.user-registered", UserRegisteredSchema);
    const told = events.filter(({ userId }) => userId === id || userId === user?.id);
    t.like(told, [
      { userId: id, role: Role.USER },
      { userId: user?.id, role: Role.ADMIN },
    ]);
    t.is(told.length, 2);
  });

  test.serial(`a user name is somebody's in any case, and a refused one has no effect on ${engine.name}`, async (t) => {
    const { username } = await profile.register();
    const again = { username: username.toUpperCase(), password: "another horse" };
    t.like(visible(await failureOfCall(auth.register(again, callOf()))), taken);
    t.like(visible(await failureOfCall(userAdmin.createUser(again, as(Role.ADMIN)))), taken);
    const rows = await profile.select("SELECT id FROM users WHERE username = ?", username);
    t.is(rows.length, 1);
    await t.notThrowsAsync(profile.login(username));
  });

  test.serial(`of 64 who want one user name at once, one gets it on ${engine.name}`, async (t) => {
    const username = newUsername();
    const outcomes = await Promise.allSettled(
      times(64, (index) => (replicas[index % replicas.length] ?? profile).register({ username })),
    );
    const refused = outcomes.filter((one) => one.status === "rejected");
    t.is(refused.length, 63);
    for (const { reason } of refused) t.like(visible(reason), taken);
  });

  test.serial(`64 duplicates of one registration make one user and get one answer on ${engine.name}`, async (t) => {
    const request = newUser();
    const answers = await Promise.all(
      times(64, (index) =>
        (replicas[index % replicas.length] ?? profile).auth.register(request, callOf({ idempotencyKey: "sara-1" })),
      ),
    );
    t.is(new Set(answers.map(({ user }) => user?.id)).size, 1);
    const events = await profile.events("giftmesh.profile.user-registered", UserRegisteredSchema);
    t.is(events.filter(({ userId }) => userId === answers[0]?.user?.id).length, 1);
  });

  test.serial(`a key without a token is the network's that it came from on ${engine.name}`, async (t) => {
    const request = newUser();
    const register = (address: string) =>
      auth.register(request, callOf({ caller: { ...nobody, address }, idempotencyKey: "network-1" }));
    const first = await register("2001:db8:0:1::1");
    t.deepEqual(await register("2001:db8:0:1:ffff::2"), first);
    for (const other of ["2001:db8:0:2::1", "10.0.0.1"]) {
      t.like(visible(await failureOfCall(register(other))), taken);
    }
  });

  test.serial(`no password can be read from the database on ${engine.name}`, async (t) => {
    const { id } = await profile.register();
    const [row] = await profile.select("SELECT * FROM users WHERE id = ?", id);
    const { memory, passes, parallelism } = profile.config.passwordCost;
    const start = `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$`;
    t.true(String(row?.password_hash).startsWith(start));
    t.false(Object.values(row ?? {}).some((value) => String(value).includes(password)));
  });

  for (const [field, value] of [
    ["username", ""],
    ["username", "ab"],
    ["username", "x".repeat(65)],
    ["username", "sara smith"],
    ["username", "sära"],
    ["password", ""],
    ["password", "short"],
    ["password", "x".repeat(129)],
    ["name", ""],
    ["name", "x".repeat(101)],
    ["email", ""],
    ["email", "sara"],
    ["email", `${"x".repeat(250)}@b.co`],
    ["phoneNumber", ""],
    ["phoneNumber", "123456"],
    ["phoneNumber", "+999501234567"],
    ["phoneNumber", "0".repeat(33)],
  ] as const) {
    const shown = value.length > 32 ? `${value.slice(0, 8)}… of ${value.length} characters` : value;
    test.serial(`nobody is made with the ${field} "${shown}" on ${engine.name}`, async (t) => {
      const request = { ...newUser(), [field]: value };
      const name = field === "phoneNumber" ? "phone_number" : field;
      for (const call of [auth.register(request, callOf()), userAdmin.createUser(request, as(Role.ADMIN))]) {
        const failure = visible(await failureOfCall(call)) as { kind: string; fields: { field: string }[] };
        t.is(failure.kind, "invalid");
        t.deepEqual(
          failure.fields.map((one) => one.field),
          [name],
        );
      }
      t.deepEqual(await profile.select("SELECT id FROM users WHERE username = ?", request.username), []);
    });
  }

  test.serial(`an admin makes users and vendors, and users where no role is said, on ${engine.name}`, async (t) => {
    const make = async (more: object) => (await userAdmin.createUser({ ...newUser(), ...more }, as(Role.ADMIN))).user;
    t.like(await make({}), { role: Role.USER, vendorId: undefined });
    t.like(await make({ role: Role.USER, name: "Sara" }), { role: Role.USER, name: "Sara" });
    t.like(await make({ role: Role.VENDOR, vendorId: 7n }), { role: Role.VENDOR, vendorId: 7n });
  });

  test.serial(`a vendor's token names the vendor on ${engine.name}`, async (t) => {
    const request = { ...newUser(), role: Role.VENDOR, vendorId: 7n };
    await userAdmin.createUser(request, as(Role.ADMIN));
    const { token, user } = await profile.login(request.username);
    t.is(user?.vendorId, 7n);
    t.like((await profile.verify(token)).payload, { role: "vendor", vendor_id: "7" });
  });

  for (const role of [Role.ADMIN, Role.SUPER_ADMIN] as const) {
    test.serial(`only a super admin makes a user with role ${role} on ${engine.name}`, async (t) => {
      const request = { ...newUser(), role };
      const failure = await failureOfCall(userAdmin.createUser(request, as(Role.ADMIN)));
      t.like(visible(failure), { kind: "forbidden", reason: "FORBIDDEN" });
      t.is((await userAdmin.createUser(request, as(Role.SUPER_ADMIN))).user?.role, role);
    });
  }

  for (const role of [Role.USER, Role.VENDOR, Role.UNSPECIFIED]) {
    test.serial(`a caller with role ${role} makes nobody on ${engine.name}`, async (t) => {
      const kind = role === Role.UNSPECIFIED ? "unauthenticated" : "forbidden";
      t.like(visible(await failureOfCall(userAdmin.createUser(newUser(), as(role)))), { kind });
    });
  }

  for (const { title, more, fields } of [
    { title: "a vendor without a vendor id", more: { role: Role.VENDOR }, fields: ["vendor_id"] },
    { title: "a vendor with vendor id 0", more: { role: Role.VENDOR, vendorId: 0n }, fields: ["vendor_id"] },
    { title: "a user with a vendor id", more: { role: Role.USER, vendorId: 7n }, fields: ["vendor_id"] },
    { title: "somebody of no role with a vendor id", more: { vendorId: 7n }, fields: ["vendor_id"] },
    { title: "a user with the role 0", more: { role: Role.UNSPECIFIED }, fields: ["role"] },
    { title: "a user with the role 9", more: { role: 9 as Role }, fields: ["role"] },
    {
      title: "a vendor with neither vendor id nor phone",
      more: { role: Role.VENDOR, phoneNumber: "123456" },
      fields: ["vendor_id", "phone_number"],
    },
  ]) {
    test.serial(`${title} is not made on ${engine.name}`, async (t) => {
      const failure = await failureOfCall(userAdmin.createUser({ ...newUser(), ...more }, as(Role.ADMIN)));
      const { kind, fields: found } = visible(failure) as { kind: string; fields: { field: string }[] };
      t.is(kind, "invalid");
      t.deepEqual(
        found.map((one) => one.field),
        fields,
      );
    });
  }

  test.serial(`a phone number that is none is told as such on ${engine.name}`, async (t) => {
    const failure = await failureOfCall(auth.register({ ...newUser(), phoneNumber: "123456" }, callOf()));
    t.like(visible(failure), { kind: "invalid", fields: [invalidPhone] });
  });
}
