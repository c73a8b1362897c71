import dgram from 'node:dgram';

/** What the server answers: addresses of version 4, or an error. */
export type Answer = readonly string[] | 'no such name' | 'server failure' | 'silence';

/** A DNS server on loopback for one zone, which a test fills. */
export class DnsServer {
  answer: Answer = [];
  queries = 0;

  private constructor(private readonly socket: dgram.Socket) {
    socket.on('message', (query, from) => {
      this.queries += 1;
      const reply = this.replyTo(query);
      if (reply !== undefined) socket.send(reply, from.port, from.address);
    });
  }

  static async start(): Promise<DnsServer> {
    const socket = dgram.createSocket('udp4');
    await new Promise<void>((resolve) => {
      socket.bind(0, '127.0.0.1', resolve);
    });
    return new DnsServer(socket);
  }

  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.socket.close(resolve);
    });
  }

  /** RFC 1035: the question again, and an A record for each address; none for AAAA. */
  private replyTo(query: Buffer): Buffer | undefined {
    if (this.answer === 'silence') return undefined;
    const end = query.indexOf(0, 12) + 5;
    const question = query.subarray(12, end);
    const isA = query.readUInt16BE(end - 4) === 1;
    const code = { 'no such name': 3, 'server failure': 2 };
    const header = Buffer.from(query.subarray(0, 12));
    const addresses = typeof this.answer === 'string' || !isA ? [] : this.answer;
    header.writeUInt16BE(0x8180 + (typeof this.answer === 'string' ? code[this.answer] : 0), 2);
    header.writeUInt16BE(addresses.length, 6);
    header.writeUInt32BE(0, 8);
    const records = addresses.map((address) =>
      Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
    );
    return Buffer.concat([header, question, ...records]);
  }
}
