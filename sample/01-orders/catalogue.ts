/** What the shop sells, with prices in cents. */
export const CATALOGUE: Readonly<Record<string, { readonly price: number; readonly inStock: number }>> = {
  'The Art of Shutting Down': { price: 2_900, inStock: 100 },
  'Promises and How to Keep Them': { price: 3_400, inStock: 100 },
  'Out of Print': { price: 1_900, inStock: 0 },
};
