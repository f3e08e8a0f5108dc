import type { Story } from "./story.ts";

/** The story does not wait for half a minute, so everything about voucher codes takes a twentieth of its time. */
export const shortenedTimes = {
  VOUCHER_ACK_AFTER_MS: "150",
  VOUCHER_LATE_AFTER_MS: "1500",
  VOUCHER_GIVE_UP_AFTER_MS: "30000",
};

const linh = { username: "linh", password: "paper lantern", name: "Linh", phone_number: "0909123456" };

/** As it is kept, and as a query has it. */
const herPhone = encodeURIComponent("+84909123456");

export async function askForCodes(story: Story, provider: URL | undefined): Promise<void> {
  if (!provider) throw new Error("The voucher provider's stand-in is not running");
  const takes = (ms: number) => story.playsElsewhere(provider, "PUT /simulator", { body: { delay_ms: ms } });
  await story.asSomebodyElse(async () => {
    story.chapter("Somebody asks for a voucher code; the provider has it at once, and it is shown on the web");
    await watch(story, await ask(story), "web");

    story.chapter(
      "The provider takes its time, acknowledges and calls back: the code is in time for whoever still waits",
    );
    await takes(700);
    await watch(story, await ask(story), "web");

    story.chapter("It takes too long (1.5 s in this story, 30 in earnest): the web is told that the code goes by SMS");
    await takes(2_000);
    await watch(story, await ask(story), "sms");
    await story.waitsFor(`GET /dev/messages?to=${herPhone}&per_page=1`, (data) => Array.isArray(data) && data[0]);
    await takes(0);

    story.chapter("Linh shows that the phone is hers, and sees all codes that were made for it");
    await story.plays("POST /auth/register", { body: linh, status: 201 });
    const { username, password } = linh;
    const { token } = await story.plays("POST /auth/login", { body: { username, password } });
    story.signIn(String(token));
    await story.plays(`GET /voucher?phoneNumber=${herPhone}`, { status: 403 });
    await story.plays("POST /auth/verifications", { body: { channel: "phone" }, status: 202 });
    const code = await story.waitsFor(`GET /dev/messages?to=${herPhone}&per_page=1`, verificationCodeIn);
    await story.plays("POST /auth/verifications/confirm", { body: { channel: "phone", code } });
    await story.plays("GET /voucher?phoneNumber=0909123456");
  });
}

/** Asks for a code; answers where to watch it. */
async function ask(story: Story): Promise<string> {
  const asked = await story.plays("POST /voucher?phoneNumber=0909123456", { status: 202 });
  return `/voucher/requests/${asked.request_id}?token=${asked.watch_token}`;
}

async function watch(story: Story, path: string, channel: "web" | "sms"): Promise<void> {
  const outcome = await story.plays(`GET ${path}&wait=30`);
  if (outcome.channel !== channel) throw new Error(`The code should have come by ${channel}`);
}

function verificationCodeIn(data: unknown): string | undefined {
  const [message] = Array.isArray(data) ? (data as { readonly body: string }[]) : [];
  return /verification code is ([0-9]{6})/.exec(message?.body ?? "")?.[1];
}
