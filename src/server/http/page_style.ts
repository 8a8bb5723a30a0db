/**
 * How pages look: one small style sheet, light or dark as the reader likes it.
 *
 * @module
 */

/** The style sheet, which is the only one that pages allow. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1c2128;--soft:#59636e;--line:#d5dae0;
--ground:#fff;--sheet:#f4f6f8;--link:#0757b8}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9da7b3;
--line:#3a424c;--ground:#14181d;--sheet:#1d232a;--link:#7ab5ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:52rem;padding:1.5rem 1rem 3rem;
font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground);
overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.1rem;line-height:1.3;margin:0}
a{color:var(--link)}
a:focus-visible,button:focus-visible,input:focus-visible{outline:3px solid var(--link);outline-offset:2px}
p{margin:.35rem 0}
header nav{display:flex;justify-content:space-between;gap:1rem}
.soft{color:var(--soft)}
form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;margin:1rem 0}
input,button{font:inherit;color:inherit;padding:.4rem .7rem;
border:1px solid var(--line);border-radius:.4rem;background:var(--sheet)}
input{flex:1 1 12rem;min-width:0;border-color:var(--soft)}
button{cursor:pointer}
ul.list{list-style:none;margin:1rem 0;padding:0;
border-top:1px solid var(--line)}
ul.list>li{padding:1rem 0;border-bottom:1px solid var(--line)}
pre{margin:.5rem 0;padding:.6rem .8rem;background:var(--sheet);
border:1px solid var(--line);border-radius:.4rem;white-space:pre-wrap}
code{font:.9rem/1.5 ui-monospace,monospace}
pre code{user-select:all}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1.2rem;
margin:1rem 0}
dt{color:var(--soft)}
dd{margin:0}
footer nav{display:flex;gap:1.5rem}
@media(max-width:30rem){dl{grid-template-columns:1fr;gap:0}
dd{margin:0 0 .6rem}}
`;
