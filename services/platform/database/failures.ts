interface EngineError {
  readonly code?: string;
  readonly errcode?: number;
  /** Set by mysql2 where the connection is of no use any more. */
  readonly fatal?: boolean;
  readonly message?: string;
}

const transientCodes: ReadonlySet<string> = new Set([
  "ER_LOCK_DEADLOCK",
  "ER_LOCK_WAIT_TIMEOUT",
  "ER_LOCK_NOWAIT",
  "ER_CHECKREAD", // MariaDB: a row has changed since it was read; begin again.
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "PROTOCOL_CONNECTION_LOST",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "ERR_STREAM_DESTROYED",
  "EAI_AGAIN",
  "ER_SERVER_SHUTDOWN",
  "ER_CONNECTION_KILLED",
  "ER_CLIENT_INTERACTION_TIMEOUT",
  "ER_QUERY_INTERRUPTED",
  "ER_CON_COUNT_ERROR",
  "ER_TOO_MANY_USER_CONNECTIONS",
  "ER_USER_LIMIT_REACHED",
  "ER_OPTION_PREVENTS_STATEMENT", // The server has become read-only: another takes its place.
]);

/** The server's disk is full, or the file that holds its tables may not grow. */
const outOfRoomCodes: ReadonlySet<string> = new Set(["ER_DISK_FULL", "ER_RECORD_FILE_FULL", "ER_ERROR_ON_WRITE"]);

const sqliteBusy = 5;
const sqliteFull = 13;
const sqliteConstraintNotNull = 1299;
const sqliteConstraintPrimaryKey = 1555;
const sqliteConstraintUnique = 2067;

/** Whether the same transaction may go through when it is run again: a deadlock, a lost connection, a busy file. */
export function isTransient(error: unknown): boolean {
  const { code, errcode, fatal, message = "" } = error as EngineError;
  // mysql2 gives no code where a connection is lost before a statement is sent.
  if (code === undefined && fatal) return message.includes("closed state");
  return (code !== undefined && transientCodes.has(code)) || (errcode !== undefined && (errcode & 0xff) === sqliteBusy);
}

/** Whether somebody else has a row locked, or has had for too long: whoever does not need that row can go on. */
export function isLockedOut(error: unknown): boolean {
  const { code } = error as EngineError;
  // Not to wait is told by MySQL with the second, by MariaDB with the first.
  return code === "ER_LOCK_WAIT_TIMEOUT" || code === "ER_LOCK_NOWAIT";
}

/** Whether the server is read-only now, as one is that another has taken the place of. */
export function isReadOnly(error: unknown): boolean {
  return (error as EngineError).code === "ER_OPTION_PREVENTS_STATEMENT";
}

/** Whether the database does not answer now: a transient failure, or none of its connections has come free in time. */
export function isUnanswered(error: unknown): boolean {
  return isTransient(error) || (error as Error).name === "KnexTimeoutError";
}

/** Whether there is no room for what is to be written: nothing of it is, and once there is room it goes through. */
export function isOutOfRoom(error: unknown): boolean {
  const { code, errcode } = error as EngineError;
  return (code !== undefined && outOfRoomCodes.has(code)) || errcode === sqliteFull;
}

/** Whether a row was refused because its key is taken. */
export function isDuplicateKey(error: unknown): boolean {
  const { code, errcode } = error as EngineError;
  return code === "ER_DUP_ENTRY" || errcode === sqliteConstraintPrimaryKey || errcode === sqliteConstraintUnique;
}

/** Whether a row was refused because there is one of the same id: of the same primary key. */
export function isTakenId(error: unknown): boolean {
  const { errcode, message = "" } = error as EngineError;
  return (
    errcode === sqliteConstraintPrimaryKey || (isDuplicateKey(error) && /for key '(\S+\.)?PRIMARY'$/.test(message))
  );
}

/** Whether a row was refused because it would have no value where it is to have one. */
export function isMissingValue(error: unknown): boolean {
  const { code, errcode } = error as EngineError;
  return code === "ER_BAD_NULL_ERROR" || errcode === sqliteConstraintNotNull;
}

/** Whether a key was refused because its table has one of that name. */
export function isTakenKeyName(error: unknown): boolean {
  return (error as EngineError).code === "ER_DUP_KEYNAME";
}
