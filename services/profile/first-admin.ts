import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, ConfigError } from "../platform/config.ts";
import { UsernameTaken } from "./domain/errors.ts";
import type { Registration } from "./registration.ts";
import type { Users } from "./store/users.ts";

/**
 * Makes the super admin that a new house starts with, unless there is one; of replicas that start at once, one does.
 * Answers what to tell the operator: the password, where it was made here and not given. Throws a ConfigError where
 * that cannot be kept.
 */
export async function makeFirstAdmin(config: Config, users: Users, registration: Registration): Promise<string[]> {
  if (await users.hasSuperAdmin()) return [];
  const { adminUsername: username, adminPassword, dataDir } = config;
  const password = adminPassword ?? randomBytes(15).toString("base64url");
  const file = join(dataDir, "admin-password");
  const admin = { name: undefined, email: undefined, phoneNumber: undefined, vendorId: undefined };
  try {
    await registration.register({ ...admin, username, role: "super_admin" }, password, undefined, async () => {
      // Before the commit, lest there be an admin whose password nobody has. Only the replica whose insert went
      // through comes here.
      if (adminPassword === undefined) keepPassword(dataDir, file, password);
    });
  } catch (error) {
    if (!(error instanceof UsernameTaken)) throw error;
    if (await users.hasSuperAdmin()) return [];
    throw new ConfigError(`ADMIN_USERNAME: "${username}" is a user who is no admin`);
  }
  return adminPassword === undefined ? [`Admin "${username}", password "${password}" (kept in ${file})`] : [];
}

function keepPassword(directory: string, file: string, password: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    rmSync(file, { force: true });
    writeFileSync(file, `${password}\n`, { mode: 0o600, flag: "wx", flush: true });
  } catch (error) {
    throw new ConfigError(`DATA_DIR: ${file} cannot be written: ${(error as Error).message}`);
  }
}
