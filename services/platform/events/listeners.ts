type Heard = (payload: Uint8Array) => void;

/** Who listens in this process, by channel. */
export class Listeners {
  private readonly byChannel = new Map<string, Heard[]>();

  add(channel: string, heard: Heard): void {
    const known = this.byChannel.get(channel);
    if (known) known.push(heard);
    else this.byChannel.set(channel, [heard]);
  }

  signal(channel: string, payload: Uint8Array): void {
    for (const heard of this.byChannel.get(channel) ?? []) heard(payload);
  }
}
