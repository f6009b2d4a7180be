import { Field, InputType, Int, ObjectType } from '@nestjs/graphql';

@ObjectType()
export class Order {
  @Field(() => Int)
  readonly id!: number;

  @Field(() => String)
  readonly flower!: string;

  @Field(() => Int)
  readonly count!: number;
}

/** What a client sends, whichever way it comes. */
@InputType()
export class OrderRequest {
  @Field(() => String)
  readonly flower!: string;

  @Field(() => Int)
  readonly count!: number;
}
