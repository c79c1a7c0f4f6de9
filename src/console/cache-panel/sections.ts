/** The sections of the panel, in the order of their tabs. */
import type { ComponentType } from 'react';
import { CompareSection } from './compare/compare-section.tsx';
import { FieldsSection } from './fields/fields-section.tsx';
import { LiveSection } from './live/live-section.tsx';
import { LoadTestSection } from './load-test/load-test-section.tsx';
import { ScenariosSection } from './scenarios/scenarios-section.tsx';

export interface Section {
  readonly name: string;
  readonly content: ComponentType;
}

export const sections: readonly Section[] = [
  { name: 'Compare', content: CompareSection },
  { name: 'Load test', content: LoadTestSection },
  { name: 'Fields', content: FieldsSection },
  { name: 'Live', content: LiveSection },
  { name: 'Scenarios', content: ScenariosSection },
];
