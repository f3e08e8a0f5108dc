import type { Story } from "./story.ts";

/** Somebody in the story. */
export interface Person {
  readonly username: string;
  readonly password: string;
  readonly name: string;
  readonly email: string;
}

export const sara: Person = { username: "sara", password: "correct horse", name: "Sara", email: "sara@example.com" };
export const omar: Person = { username: "omar", password: "battery staple", name: "Omar", email: "omar@example.com" };

/** Has somebody sign up and in, and show that a mailbox is theirs. */
export async function signUp(story: Story, person: Person): Promise<void> {
  await story.plays("POST /auth/register", { body: person, status: 201 });
  await signIn(story, person);
  await story.plays("POST /auth/verifications", { body: { channel: "email" }, status: 202 });
  const letter = await story.waitsForMail(person.email, "verification code");
  const code = /\b[0-9]{6}\b/.exec(letter)?.[0];
  await story.plays("POST /auth/verifications/confirm", { body: { channel: "email", code } });
}

export async function signIn(story: Story, { username, password }: Person): Promise<void> {
  const { token } = await story.plays("POST /auth/login", { body: { username, password } });
  story.signIn(String(token));
}
