import { FatalError } from '../../lib/errors.ts';

export type TemplateValues = Readonly<Record<string, string | undefined>>;

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;

/**
 * Replaces every `{{name}}`. It knows nothing of quoting: a value must come as it may stand in the text. A name
 * without a value is an error, because a text that is filled by half would be taken for a good one. Connect's own
 * references, `${env:NAME}`, stay as they are.
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
