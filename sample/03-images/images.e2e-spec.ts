import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TaskScheduler, type Task, type TaskEvent } from 'nestjs-tasks';
import sharp from 'sharp';
import request from 'supertest';
import { AppModule } from './app.module.js';
import { Catalogue } from './catalogue.service.js';
import type { Image } from './image.js';
import { ImageStore } from './store.service.js';
import { MAX_UPLOAD_BYTES } from './upload.options.js';

const FILES = ['original.png', 'thumbnail.webp', 'web.webp'];

function picture(width = 400, height = 300): Promise<Buffer> {
  const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const;
  return sharp({ create: { width, height, channels: 3, background: 'teal', noise } })
    .png()
    .toBuffer();
}

describe('03-images', () => {
  let folder: string;
  let app: INestApplication;
  let scheduler: TaskScheduler;
  let events: TaskEvent[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'images-'));
    process.env.DATA_DIR = folder;
    await boot();
  });

  afterEach(async () => {
    await app.close();
    await rm(folder, { recursive: true });
    delete process.env.DATA_DIR;
  });

  async function boot(): Promise<void> {
    app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    scheduler = app.get(TaskScheduler);
    events = [];
    scheduler.events$.subscribe((event) => events.push(event));
  }

  const api = async () => request(await app.getUrl());
  const find = async (id: string) => (await api()).get(`/images/${id}`);
  const upload = async (content: Buffer, contentType = 'image/png') =>
    (await api()).post('/images').attach('image', content, { filename: '../photo.png', contentType });
  const ls = (name: string) => readdir(join(folder, name));
  const recorded = async () => JSON.parse(await readFile(join(folder, 'catalogue.json'), 'utf8')) as Image[];
  const tasksThat = (type: TaskEvent['type']) =>
    events.filter((event) => event.type === type).map(({ task }) => task.name);

  it('answers 202, then has the image in three versions', async () => {
    const { status, body } = await upload(await picture());
    expect(status).toBe(202);
    expect(body).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), status: 'processing' });
    await scheduler.idle();

    expect((await find(body.id)).body).toEqual({ id: body.id, status: 'ready', files: FILES });
    expect(await ls(`images/${body.id}`)).toEqual(FILES);
    expect(await sharp(join(folder, 'images', body.id, 'thumbnail.webp')).metadata()).toMatchObject({
      width: 200,
      height: 200,
    });
    expect(await ls('uploads')).toEqual([]);
    expect(tasksThat('succeeded')).toEqual([`finalize_${body.id}`]);
    expect(tasksThat('discarded')).toEqual([`discard_${body.id}`]);
  });

  it('tells that an image is still processed', async () => {
    const release = holdPublish();
    const { body } = await upload(await picture());
    expect((await find(body.id)).body).toEqual({ id: body.id, status: 'processing' });
    release();
    await scheduler.idle();
    expect((await find(body.id)).body.status).toBe('ready');
  });

  it('keeps the event loop live while it renders', async () => {
    const store = app.get(ImageStore);
    const publish = store.publish.bind(store);
    let isRendering = false;
    let ticks = 0;
    const tick = () => {
      if (!isRendering) return;
      ticks += 1;
      setImmediate(tick);
    };
    scheduler.events$.subscribe(({ type }) => {
      if (type !== 'started') return;
      isRendering = true;
      setImmediate(tick);
    });
    jest.spyOn(store, 'publish').mockImplementationOnce((...args) => {
      isRendering = false;
      return publish(...args);
    });

    const { body } = await upload(await picture(1_500, 1_500));
    await scheduler.idle();
    expect((await find(body.id)).body.status).toBe('ready');
    // Tens of thousands, against a handful when the rendering blocks.
    expect(ticks).toBeGreaterThan(100);
  });

  it('finishes an image when the application closes at once', async () => {
    const release = holdPublish();
    const { body } = await upload(await picture());
    const task = taskNamed(`finalize_${body.id}`);
    const closed = app.close();
    release();
    await closed;

    expect(task).toMatchObject({ shielded: true, status: 'succeeded', signal: { aborted: false } });
    expect(await ls(`images/${body.id}`)).toEqual(FILES);
    expect(await ls('uploads')).toEqual([]);
    expect(await recorded()).toEqual([{ id: body.id, status: 'ready', files: FILES }]);
  });

  describe('when processing fails', () => {
    it('records that no image was inside', async () => {
      const { status, body } = await upload(
        Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
      );
      expect(status).toBe(202);
      await scheduler.idle();
      expect((await find(body.id)).body).toEqual({
        id: body.id,
        status: 'failed',
        reason: 'the file is not a JPEG, PNG or WebP image, or is damaged',
      });
      await expectNoFiles();
    });

    it('records that an image is cut short', async () => {
      const whole = await picture();
      const { body } = await upload(whole.subarray(0, whole.length / 2));
      await scheduler.idle();
      expect((await find(body.id)).body).toMatchObject({
        status: 'failed',
        reason: expect.stringContaining('damaged'),
      });
      await expectNoFiles();
    });

    it('removes what it has made when the last rename fails', async () => {
      const { images } = app.get(ImageStore);
      await rm(images, { recursive: true });
      const { body } = await upload(await picture());
      await scheduler.idle();
      await mkdir(images);
      expect((await find(body.id)).body).toMatchObject({ status: 'failed', reason: 'the image could not be stored' });
      await expectNoFiles();
    });

    it('removes the published files when they cannot be recorded', async () => {
      const catalogue = app.get(Catalogue);
      const save = catalogue.save.bind(catalogue);
      jest
        .spyOn(catalogue, 'save')
        .mockImplementation((image) =>
          image.status === 'ready' ? Promise.reject(new Error('disk full')) : save(image),
        );
      const { body } = await upload(await picture());
      await scheduler.idle();
      expect((await find(body.id)).body).toMatchObject({ status: 'failed' });
      await expectNoFiles();
    });
  });

  describe('when too many images wait', () => {
    it('answers 503, keeps nothing, and goes on when there is room', async () => {
      let open!: () => void;
      const gate = new Promise<void>((resolve) => (open = resolve));
      const fillers = Array.from({ length: 52 }, () => scheduler.task({ pool: 'images' }).schedule(() => gate));
      const { status, body } = await upload(await picture());
      expect(status).toBe(503);
      expect(body.message).toBe('Too many images are being processed. Try again later.');
      open();
      await scheduler.idle();
      expect(fillers.every((filler) => filler.status === 'succeeded')).toBe(true);
      await expectNoFiles();
      expect((await upload(await picture())).status).toBe(202);
      await scheduler.idle();
    });
  });

  describe('when the request fails', () => {
    it('removes an upload that a pipe has refused', async () => {
      const response = await (
        await api()
      )
        .post('/images')
        .field('album', 'x')
        .attach('image', await picture(), 'a.png');
      expect(response.status).toBe(400);
      await scheduler.idle();
      expect(tasksThat('succeeded')).toEqual([expect.stringMatching(/^discard_/)]);
      await expectNoFiles();
    });

    it('removes an upload that the handler could not record', async () => {
      jest.spyOn(app.get(Catalogue), 'save').mockRejectedValueOnce(new Error('disk full'));
      const { status } = await upload(await picture());
      expect(status).toBe(500);
      await scheduler.idle();
      await expectNoFiles();
    });

    it('refuses other types, large files and other fields', async () => {
      expect((await upload(Buffer.from('%PDF'), 'application/pdf')).status).toBe(415);
      expect((await upload(Buffer.alloc(MAX_UPLOAD_BYTES + 1))).status).toBe(413);
      expect((await (await api()).post('/images').attach('photo', await picture(), 'a.png')).status).toBe(400);
      expect((await (await api()).post('/images').field('album', '')).status).toBe(400);
      await scheduler.idle();
      expect(tasksThat('started')).toEqual([]);
      await expectNoFiles();
    });
  });

  it('knows no other image, and no id that is not a UUID', async () => {
    expect((await find('3f0a8c44-6a8e-4a3c-9d0e-6d7c3e1f2b5a')).status).toBe(404);
    expect((await find('..%2Fcatalogue.json')).status).toBe(400);
  });

  it('sweeps what a crash has left', async () => {
    await app.close();
    const [unfinished, unrecorded] = ['3f0a8c44-6a8e-4a3c-9d0e-6d7c3e1f2b5a', 'b5a13f0a-8c44-4a3c-9d0e-6d7c3e1f2b5a'];
    await writeFile(join(folder, 'uploads', unfinished), 'a picture');
    await writeFile(join(folder, 'uploads', '0d0e3f0a-6a8e-4a3c-8c44-6d7c3e1f2b5a'), 'half a picture');
    await mkdir(join(folder, 'uploads', `${unfinished}.draft`));
    await mkdir(join(folder, 'images', unrecorded));
    await writeFile(
      join(folder, 'catalogue.json'),
      JSON.stringify([unfinished, unrecorded].map((id) => ({ id, status: 'processing' }))),
    );

    await boot();
    await expectNoFiles();
    for (const id of [unfinished, unrecorded]) expect((await find(id)).body.status).toBe('failed');
  });

  async function expectNoFiles(): Promise<void> {
    expect(await ls('uploads')).toEqual([]);
    expect(await ls('images')).toEqual([]);
  }

  /** Holds the task that comes next before it publishes, until what is returned is called. */
  function holdPublish(): () => void {
    const store = app.get(ImageStore);
    const publish = store.publish.bind(store);
    let release!: () => void;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    jest.spyOn(store, 'publish').mockImplementationOnce(async (...args) => {
      await released;
      await publish(...args);
    });
    return release;
  }

  function taskNamed(name: string): Task {
    const event = events.find(({ task }) => task.name === name);
    if (event === undefined) throw new Error(`No task ${name}`);
    return event.task;
  }
});
