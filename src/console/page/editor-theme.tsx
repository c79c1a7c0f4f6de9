/** GraphiQL's themes for its editors, with enough contrast everywhere. https://www.w3.org/TR/WCAG22/#contrast-minimum */
import { useMonaco } from '@graphiql/react';
import { useEffect } from 'react';

interface Palette {
  readonly background: string;
  readonly primary: string;
  readonly tint: string;
  readonly lineNumber: string;
  readonly rules: readonly { readonly token: string; readonly foreground: string }[];
}

const palettes: Readonly<Record<'light' | 'dark', Palette>> = {
  light: {
    background: '#ffffff',
    primary: '#d60590',
    tint: '#d6059019',
    lineNumber: '#237893',
    rules: [
      { token: 'annotation', foreground: '#5c5c5c' },
      { token: 'argument.identifier.gql', foreground: '#5a57b8' },
      { token: 'number', foreground: '#056b46' },
    ],
  },
  dark: {
    background: '#212a3b',
    primary: '#ff5794',
    tint: '#ff579419',
    lineNumber: '#a3adbd',
    rules: [
      { token: 'annotation', foreground: '#f0a0a0' },
      { token: 'comment', foreground: '#9ccc80' },
      { token: 'argument.identifier.gql', foreground: '#a5a0ff' },
    ],
  },
};

/** Replaces the themes that GraphiQL defines. */
export function EditorTheme(): null {
  const monaco = useMonaco(({ monaco: loaded }) => loaded);
  useEffect(() => {
    if (monaco === undefined) return;
    monaco.editor.defineTheme('graphiql-LIGHT', { base: 'vs', ...themeOf(palettes.light) });
    monaco.editor.defineTheme('graphiql-DARK', { base: 'vs-dark', ...themeOf(palettes.dark) });
  }, [monaco]);
  return null;
}

function themeOf({ background, primary, tint, lineNumber, rules }: Palette) {
  const all = (names: readonly string[], colour: string): Record<string, string> =>
    Object.fromEntries(names.map((name) => [name, colour]));
  const surfaces = ['editorHoverWidget', 'editorSuggestWidget', 'editorWidget', 'menu', 'quickInput'];
  const accents = [
    'editorLink.activeForeground',
    'editorSuggestWidget.selectedForeground',
    'focusBorder',
    'list.focusHighlightForeground',
    'list.highlightForeground',
    'menu.selectionForeground',
    'pickerGroup.foreground',
    'textLink.activeForeground',
    'textLink.foreground',
  ];
  const selections = [
    'editorSuggestWidget.selectedBackground',
    'list.hoverBackground',
    'menu.selectionBackground',
    'quickInputList.focusBackground',
    'toolbar.hoverBackground',
  ];
  return {
    inherit: true,
    rules: [...rules],
    colors: {
      ...all(['editor.background', 'scrollbar.shadow'], '#ffffff00'),
      ...all(['editorLineNumber.foreground', 'editorLineNumber.dimmedForeground'], lineNumber),
      ...all(
        surfaces.map((surface) => `${surface}.background`),
        background,
      ),
      ...all(accents, primary),
      ...all(selections, tint),
    },
  };
}
