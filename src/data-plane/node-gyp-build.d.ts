declare module 'node-gyp-build' {
  /** Loads the addon of the package in `folder`; throws where there is none. */
  export default function nodeGypBuild(folder: string): unknown;
}
