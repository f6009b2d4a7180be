import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** Reads `{ email, password }` from a request's body. What it refuses is not repeated in the answer. */
@Injectable()
export class CredentialsPipe implements PipeTransform<unknown, Credentials> {
  transform(body: unknown): Credentials {
    const { email, password } = (body ?? {}) as Record<string, unknown>;
    if (typeof email !== 'string' || email.length > 254 || !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) {
      throw new BadRequestException('email must be an e-mail address');
    }
    if (typeof password !== 'string' || password.length < 8 || password.length > 1_000) {
      throw new BadRequestException('password must be a string of 8 to 1000 characters');
    }
    return { email: email.toLowerCase(), password };
  }
}
