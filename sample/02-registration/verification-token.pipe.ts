import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';

/** The user's id, a dot, and the secret. */
const TOKEN = /^[\da-f-]{36}\.[\w-]{43}$/;

/** Reads `{ token }` from a request's body. */
@Injectable()
export class VerificationTokenPipe implements PipeTransform<unknown, string> {
  transform(body: unknown): string {
    const { token } = (body ?? {}) as Record<string, unknown>;
    if (typeof token !== 'string' || !TOKEN.test(token)) throw new BadRequestException('This is no token');
    return token;
  }
}
