import { InvalidFields, Refusal } from "../../platform/refusal.ts";
import type { Channel } from "./contact.ts";

/** Thrown when a new user's name is somebody's already, whatever the case. */
export class UsernameTaken extends InvalidFields {
  constructor() {
    super([{ field: "username", description: "The username has already been taken." }]);
  }
}

/** Thrown when user name and password do not go together; never says which of them is wrong. */
export class InvalidCredentials extends Refusal {
  constructor() {
    super("unauthenticated", { reason: "INVALID_CREDENTIALS", message: "Invalid username or password" });
  }
}

/** Thrown when signing in has failed too often to be tried again now. */
export class TooManyAttempts extends Refusal {
  constructor(retryAfterSeconds: number) {
    super("too_many", {
      reason: "TOO_MANY_ATTEMPTS",
      message: "Too many failed attempts, try again later",
      retryAfterSeconds,
    });
  }
}

/** Thrown when a refresh token is unknown, old or used, or its session has ended. */
export class InvalidRefreshToken extends Refusal {
  constructor() {
    super("unauthenticated", { reason: "INVALID_REFRESH_TOKEN", message: "Invalid refresh token" });
  }
}

/** Thrown when there is no contact to verify. */
export class NoContact extends Refusal {
  constructor(channel: Channel) {
    const what = { email: "email address", phone: "phone number" }[channel];
    super("rule", { reason: "NO_CONTACT", message: `There is no ${what} to verify` });
  }
}

/** Thrown when a code is asked for a contact that is verified. */
export class AlreadyVerified extends Refusal {
  constructor() {
    super("rule", { reason: "ALREADY_VERIFIED", message: "This contact has been verified already" });
  }
}

/** Thrown when a code is asked for too soon after the last one. */
export class VerificationTooSoon extends Refusal {
  constructor(retryAfterSeconds: number) {
    super("too_many", {
      reason: "VERIFICATION_TOO_SOON",
      message: "A code has been sent already, try again later",
      retryAfterSeconds,
    });
  }
}

/** Thrown when a verification code is wrong, used or old, or was sent elsewhere. */
export class InvalidVerificationCode extends Refusal {
  constructor() {
    super("rule", { reason: "INVALID_VERIFICATION_CODE", message: "Invalid verification code" });
  }
}

/** Thrown when somebody else has verified a contact before. */
export class ContactTaken extends Refusal {
  constructor() {
    super("rule", { reason: "CONTACT_TAKEN", message: "This contact has been verified by somebody else" });
  }
}

/** Thrown when a key is to be added to those that SIGNING_KEYS gives. */
export class KeysAreGiven extends Refusal {
  constructor() {
    super("rule", {
      reason: "KEYS_ARE_GIVEN",
      message: "The signing keys are given by SIGNING_KEYS: add the key there",
    });
  }
}
