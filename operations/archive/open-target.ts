import type { Config } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import { folderTarget } from './folder-target.ts';
import type { Target } from './target.ts';

export type TargetSettings = Pick<
  Config,
  | 'ARCHIVE_TARGET'
  | 'ARCHIVE_S3_ENDPOINT'
  | 'ARCHIVE_S3_REGION'
  | 'ARCHIVE_S3_UNSIGNED'
  | 'ARCHIVE_ENCRYPTION'
  | 'ARCHIVE_KMS_KEY'
  | 'ARCHIVE_STORAGE_CLASS'
  | 'ARCHIVE_OBJECT_LOCK'
>;

/** The target that ARCHIVE_TARGET names; throws if it cannot be used. The caller closes it. */
export async function openTarget(settings: TargetSettings): Promise<Target> {
  const { ARCHIVE_TARGET: place } = settings;
  if (place === undefined)
    throw new FatalError({
      code: 'CONFIG_INVALID',
      message: 'ARCHIVE_TARGET is not set: where the archive lies',
      wayOut: 'set ARCHIVE_TARGET to s3://bucket/prefix or to a folder',
    });
  const target = place.startsWith('s3://') ? await s3(place, settings) : folderTarget(place);
  try {
    await target.check();
  } catch (error) {
    target.close();
    throw error;
  }
  return target;
}

async function s3(place: string, settings: TargetSettings): Promise<Target> {
  const [bucket = '', ...rest] = place.slice('s3://'.length).split('/');
  const { s3Target } = await import('./s3-target.ts');
  const [mode, days] = settings.ARCHIVE_OBJECT_LOCK?.split(':') ?? [];
  return await s3Target({
    bucket,
    prefix: rest.filter((part) => part !== '').join('/'),
    endpoint: settings.ARCHIVE_S3_ENDPOINT,
    region: settings.ARCHIVE_S3_REGION,
    unsigned: settings.ARCHIVE_S3_UNSIGNED,
    objects: {
      encryption: settings.ARCHIVE_ENCRYPTION,
      kmsKey: settings.ARCHIVE_KMS_KEY,
      storageClass: settings.ARCHIVE_STORAGE_CLASS,
      lock:
        mode === undefined
          ? undefined
          : { mode: mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE', days: Number(days) },
    },
  });
}
