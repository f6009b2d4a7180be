/** Address of the repository in a browser, for the `repository.url` of a package. */
export function addressOfRepository(url: string): string;

/** Text of package.json, with the addresses that follow from its repository. */
export function packageWithAddresses(text: string): string;

/** Text of the configuration of the issue forms, whose links all lead into this repository. */
export function formsWithAddresses(text: string, address: string): string;
