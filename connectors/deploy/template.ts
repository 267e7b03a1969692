import { FatalError } from '../../lib/errors.ts';

export type TemplateValues = Readonly<Record<string, string | undefined>>;

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;

/**
 * Replaces every `{{name}}` with its value. It does not quote: the caller passes each value as it must stand in the
 * text. A name without a value is an error, because nobody would notice a text that is only partly filled. Connect's
 * own references, `${env:NAME}`, are not changed.
 */
export function fillTemplate(template: string, values: TemplateValues): string {
  return template.replaceAll(PLACEHOLDER, (placeholder, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) {
      throw new FatalError({
        code: 'CONFIG_INVALID',
        message: `${placeholder} stands in a template of connectors/, and nothing fills it`,
        wayOut: `use one of ${Object.keys(values)
          .filter((known) => values[known] !== undefined)
          .map((known) => `{{${known}}}`)
          .join(', ')}`,
      });
    }
    return value;
  });
}
